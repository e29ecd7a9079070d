"""Which parser reads which suffix."""

from __future__ import annotations

from rag_core.loaders.markup import parse_html
from rag_core.loaders.parsed import Parser
from rag_core.loaders.pdf import parse_pdf
from rag_core.loaders.plain import parse_plain
from rag_core.loaders.records import parse_json, parse_json_lines
from rag_core.loaders.tables import parse_csv
from rag_core.loaders.word import parse_docx

LOADERS: dict[str, Parser] = {
    ".pdf": parse_pdf,
    ".docx": parse_docx,
    ".html": parse_html,
    ".htm": parse_html,
    ".xhtml": parse_html,
    ".csv": parse_csv,
    ".tsv": parse_csv,
    ".json": parse_json,
    ".jsonl": parse_json_lines,
    ".ndjson": parse_json_lines,
    ".txt": parse_plain,
    ".text": parse_plain,
    ".md": parse_plain,
    ".markdown": parse_plain,
    ".rst": parse_plain,
    ".log": parse_plain,
    ".srt": parse_plain,
    ".vtt": parse_plain,
    ".tex": parse_plain,
    ".xml": parse_plain,
    ".yaml": parse_plain,
    ".yml": parse_plain,
}

HINTS: dict[str, str] = {
    ".doc": "Open it in Word or LibreOffice and save it as .docx.",
    ".odt": "Open it in LibreOffice and save it as .docx.",
    ".rtf": "Open it in a word processor and save it as .docx.",
    ".pages": "Export it from Pages as .docx or .pdf.",
    ".epub": "Convert it to .html or .pdf, for instance with Calibre.",
    ".xls": "Save each sheet as .csv.",
    ".xlsx": "Save each sheet as .csv.",
    ".ods": "Save each sheet as .csv.",
    ".ppt": "Save the slides as .pdf.",
    ".pptx": "Save the slides as .pdf.",
    ".odp": "Save the slides as .pdf.",
    ".zip": "Unpack it and upload the files in it.",
    ".gz": "Unpack it and upload the files in it.",
    ".eml": "Save the message as .txt or .html.",
    ".msg": "Save the message as .txt or .html.",
    ".png": "Run the picture through OCR and upload the text.",
    ".jpg": "Run the picture through OCR and upload the text.",
    ".jpeg": "Run the picture through OCR and upload the text.",
    ".tif": "Run the picture through OCR and upload the text.",
    ".tiff": "Run the picture through OCR and upload the text.",
}
"""What to do with well-known types that are not read here."""
