// The text once a column, in the same rows, so that every place stands at the same height.
// Text reaches the page through textContent alone: nothing in a document can become markup.

const maps = new WeakMap();
const ROW = 600; // characters: long enough to read as one, short enough to draw in a moment

export default function (component) {
  const { data, parentElement } = component;
  let map = maps.get(parentElement);
  if (!map) {
    map = new TextMap(parentElement.querySelector(".map"), parentElement);
    maps.set(parentElement, map);
  }
  map.component = component;
  map.show(data);
  return () => map.close();
}

class TextMap {
  constructor(element, root) {
    this.root = root;
    this.scroller = element.querySelector(".scroller");
    this.head = element.querySelector(".head");
    this.body = element.querySelector(".body");
    this.info = element.querySelector(".info");
    this.what = element.querySelector(".what");
    this.markButton = element.querySelector(".mark");
    this.clearButton = element.querySelector(".clear");
    this.near = new Set();
    this.lit = [];
    this.at = null; // the chunk under the pointer or the keys: {column, chunk}
    this.picked = null;
    this.selection = null;
    this.observer = new IntersectionObserver((entries) => this.seen(entries), {
      root: this.scroller, rootMargin: "900px 0px",
    });
    this.body.onmouseover = (event) => this.hover(event);
    this.body.onmouseleave = () => this.point(this.picked);
    this.body.onmousedown = (event) => this.holdColumn(event);
    this.body.onmouseup = () => setTimeout(() => this.readSelection(), 0);
    this.body.onclick = (event) => this.click(event);
    this.scroller.onkeydown = (event) => this.key(event);
    this.markButton.onclick = () => this.mark();
    this.clearButton.onclick = () => this.component.setTriggerValue("marked", []);
    this.leave = () => this.closed || this.readSelection();
    document.addEventListener("selectionchange", this.leave);
  }

  close() {
    this.closed = true;
    this.observer.disconnect();
    document.removeEventListener("selectionchange", this.leave);
    maps.delete(this.root);
  }

  // -- drawing ------------------------------------------------------------------------------

  show(data) {
    if (this.data && this.data.version === data.version) return;
    const before = this.data;
    this.data = data;
    this.picked = this.at = this.selection = null;
    this.lit = [];
    this.scroller.setAttribute("aria-label", data.label);
    this.scroller.classList.toggle("ghosts", data.ghost);
    this.body.style.setProperty("--columns", data.columns.length);
    this.head.style.setProperty("--columns", data.columns.length);
    this.drawHead();
    const same = before && before.text === data.text &&
      before.columns.length === data.columns.length;
    if (!same) this.layRows();
    for (const row of this.rows) row.spans = null;
    for (const row of same ? this.near : this.firstRows()) this.fill(row);
    this.clearButton.hidden = !data.mark;
    this.markButton.hidden = true;
    this.tell(null);
    if (data.reveal !== null && data.reveal !== before?.reveal) this.reveal(data.reveal, true);
  }

  drawHead() {
    this.head.replaceChildren(...this.data.columns.map((column) => {
      const cell = make("div", "title");
      cell.append(
        make("strong", "", column.title), make("small", "", column.size),
        make("small", "", column.caption),
      );
      return cell;
    }));
  }

  layRows() {
    this.observer.disconnect();
    this.near.clear();
    this.rows = rowsOf(this.data.text).map(([start, end]) => {
      const element = make("div", "row");
      return { start, end, element, spans: null };
    });
    this.byElement = new Map(this.rows.map((row) => [row.element, row]));
    this.body.replaceChildren(...this.rows.map((row) => row.element));
    const width = (this.scroller.clientWidth || 900) / this.data.columns.length - 36;
    const perLine = Math.max(12, width / 6.6);
    for (const row of this.rows) {
      const lines = Math.max(1, (row.end - row.start) / perLine);
      row.element.style.minHeight = `${Math.round(lines * 21)}px`;
      this.observer.observe(row.element);
    }
    this.scroller.scrollTop = 0;
  }

  firstRows() {
    const first = [];
    let characters = 0;
    for (const row of this.rows) {
      first.push(row);
      characters += row.end - row.start;
      if (characters > 3000) break;
    }
    return first;
  }

  seen(entries) {
    for (const entry of entries) {
      const row = this.byElement.get(entry.target);
      if (!row) continue;
      if (entry.isIntersecting) {
        this.near.add(row);
        if (!row.spans) this.fill(row);
      } else this.near.delete(row);
    }
  }

  fill(row) {
    const edges = this.edges(row);
    row.spans = [];
    row.element.replaceChildren(...this.data.columns.map((column, k) => {
      const cell = make("div", "cell");
      cell.dataset.k = k;
      for (let i = 0; i + 1 < edges.length; i++) {
        cell.append(...this.piece(row, column, k, edges[i], edges[i + 1]));
      }
      return cell;
    }));
    row.element.style.minHeight = "";
    if (this.at) this.light(row, this.at);
  }

  // The union of all columns' edges: any chunk of any column is then a run of whole pieces.
  edges(row) {
    const found = new Set([row.start, row.end]);
    const add = (place) => {
      if (place > row.start && place < row.end) found.add(place);
    };
    for (const column of this.data.columns) {
      for (let c = firstEnding(column.ends, row.start); c < column.starts.length; c++) {
        if (column.starts[c] >= row.end) break;
        add(column.starts[c]);
        add(column.ends[c]);
        if (column.limits[c] >= 0) add(column.limits[c]);
      }
    }
    if (this.data.mark) this.data.mark.forEach(add);
    return [...found].sort((a, b) => a - b);
  }

  piece(row, column, k, start, end) {
    const first = firstEnding(column.ends, start);
    let last = first - 1;
    let lost = true;
    while (last + 1 < column.starts.length && column.starts[last + 1] <= start) {
      last += 1;
      if (column.limits[last] < 0 || start < column.limits[last]) lost = false;
    }
    const span = make("span", "", this.data.text.slice(start, end));
    span.dataset.x = start;
    const nodes = [span];
    if (last >= first) {
      span.dataset.c = last;
      span.classList.add(`tint${last % 4}`);
      if (last > first) span.classList.add("overlap");
      if (lost) span.classList.add("lost");
      if (column.starts[last] === start) {
        span.classList.add("edge");
        const number = make("i", "number");
        number.dataset.n = last + 1; // drawn by the style sheet: no part of the text
        nodes.unshift(number);
      }
    }
    const mark = this.data.mark;
    if (mark && start >= mark[0] && end <= mark[1]) span.classList.add("gold");
    row.spans.push({ span, k, start, end });
    return nodes;
  }

  // -- lighting up --------------------------------------------------------------------------

  // Scrolling by keys moves text under a resting pointer; only a pointer that moves points.
  hover(event) {
    const place = `${event.clientX},${event.clientY}`;
    if (place === this.pointer) return;
    this.pointer = place;
    const at = this.chunkAt(event.target);
    if (at) this.point(at);
  }

  chunkAt(target) {
    const span = target.closest?.("span[data-c]");
    if (!span) return null;
    return { column: Number(span.closest(".cell").dataset.k), chunk: Number(span.dataset.c) };
  }

  point(at) {
    if (this.at && at && this.at.column === at.column && this.at.chunk === at.chunk) return;
    for (const span of this.lit) span.classList.remove("lit", "own");
    this.lit = [];
    this.at = at;
    if (at) for (const row of this.rowsBetween(...this.range(at))) this.light(row, at);
    this.tell(at);
  }

  range({ column, chunk }) {
    const { starts, ends } = this.data.columns[column];
    return [starts[chunk], ends[chunk]];
  }

  rowsBetween(start, end) {
    let low = firstWhere(this.rows.length, (i) => this.rows[i].end > start);
    const found = [];
    while (low < this.rows.length && this.rows[low].start < end) found.push(this.rows[low++]);
    return found;
  }

  light(row, at) {
    const [start, end] = this.range(at);
    for (const piece of row.spans || []) {
      if (piece.start < start || piece.end > end) continue;
      piece.span.classList.add("lit");
      if (piece.k === at.column) piece.span.classList.add("own");
      this.lit.push(piece.span);
    }
  }

  tell(at) {
    if (!at) {
      this.what.textContent = this.data.hint;
      return;
    }
    const column = this.data.columns[at.column];
    const [start, end] = this.range(at);
    const parts = [
      `${column.title}: chunk ${at.chunk + 1} of ${column.starts.length}`,
      `${column.characters[at.chunk].toLocaleString("en")} characters`,
      `${column.tokens[at.chunk].toLocaleString("en")} tokens`,
    ];
    if (column.limits[at.chunk] >= 0) parts.push("its end is past what the model reads");
    if (column.notes[at.chunk]) parts.push(column.notes[at.chunk]);
    this.what.textContent = parts.join(" · ");
    const others = this.data.columns
      .filter((_, k) => k !== at.column)
      .map((other) => `${other.title} ${chunksIn(other, start, end)}`);
    if (others.length) {
      this.what.append(make("small", "", `the same place in chunks: ${others.join(", ")}`));
    }
  }

  // -- picking and marking ------------------------------------------------------------------

  click(event) {
    const at = this.chunkAt(event.target);
    const [x, y] = this.down || [event.clientX, event.clientY];
    const dragged = Math.hypot(event.clientX - x, event.clientY - y) > 4;
    if (at && !dragged && !this.selection) this.pick(at);
  }

  pick(at) {
    this.picked = at;
    this.point(at);
    this.component.setStateValue("picked", at);
  }

  key(event) {
    const last = this.data.columns.length - 1;
    const at = this.at || { column: 0, chunk: -1 };
    const size = this.data.columns[at.column].starts.length;
    const moves = {
      ArrowDown: () => ({ ...at, chunk: Math.min(at.chunk + 1, size - 1) }),
      ArrowUp: () => ({ ...at, chunk: Math.max(at.chunk - 1, 0) }),
      Home: () => ({ ...at, chunk: 0 }),
      End: () => ({ ...at, chunk: size - 1 }),
      ArrowRight: () => this.beside(at, Math.min(at.column + 1, last)),
      ArrowLeft: () => this.beside(at, Math.max(at.column - 1, 0)),
    };
    if (event.key in moves) {
      const next = moves[event.key]();
      if (!next || next.chunk < 0) return;
      event.preventDefault();
      this.reveal(this.range(next)[0]);
      this.point(next);
    } else if (event.key === "Enter" && this.at) this.pick(this.at);
    else if (event.key === "Escape") {
      this.picked = null;
      this.point(null);
    }
  }

  beside(at, column) {
    const place = at.chunk < 0 ? 0 : this.range(at)[0];
    const { ends } = this.data.columns[column];
    return { column, chunk: Math.min(firstEnding(ends, place), ends.length - 1) };
  }

  reveal(place, always = false) {
    const row = this.rowsBetween(place, place + 1)[0];
    if (!row) return;
    if (!row.spans) this.fill(row);
    const piece = row.spans.find((each) => each.end > place) || { span: row.element };
    const box = piece.span.getBoundingClientRect();
    const frame = this.scroller.getBoundingClientRect();
    const top = this.head.offsetHeight + 8;
    if (always || box.top < frame.top + top || box.top > frame.bottom - 90) {
      this.scroller.scrollTop += box.top - frame.top - top - 40;
    }
  }

  // Only the column where the mouse went down can be selected: rows run across all of them.
  holdColumn(event) {
    const cell = event.target.closest?.(".cell");
    this.down = [event.clientX, event.clientY];
    for (const other of this.body.querySelectorAll(".cell")) {
      other.classList.toggle("still", cell !== null && other.dataset.k !== cell?.dataset.k);
    }
  }

  readSelection() {
    this.selection = this.selected();
    this.markButton.hidden = !this.selection;
  }

  selected() {
    const chosen = this.root.getSelection ? this.root.getSelection() : document.getSelection();
    if (!chosen) return null;
    let range = chosen.rangeCount ? chosen.getRangeAt(0) : null;
    if (chosen.getComposedRanges && this.root instanceof ShadowRoot) {
      range = chosen.getComposedRanges({ shadowRoots: [this.root] })[0] || range;
    }
    if (!range || !this.body.contains(range.startContainer)) return null;
    const start = placeOf(range.startContainer, range.startOffset, this.data.text.length);
    const end = placeOf(range.endContainer, range.endOffset, this.data.text.length);
    if (start === null || end === null || end <= start) return null;
    const text = this.data.text.slice(start, end);
    const lead = text.length - text.trimStart().length;
    return text.trim() ? [start + lead, start + lead + text.trim().length] : null;
  }

  mark() {
    if (this.selection) this.component.setTriggerValue("marked", this.selection);
  }
}

// -- plain functions ------------------------------------------------------------------------

function make(tag, name, text) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== undefined) element.textContent = text;
  return element;
}

function firstWhere(length, test) {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (test(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function firstEnding(ends, place) {
  return firstWhere(ends.length, (i) => ends[i] > place);
}

function chunksIn(column, start, end) {
  const first = firstEnding(column.ends, start);
  const last = firstWhere(column.starts.length, (i) => column.starts[i] >= end) - 1;
  if (last < first) return "none";
  return first === last ? `${first + 1}` : `${first + 1} to ${last + 1}`;
}

// Rows end at line ends where they can; a row never ends inside a surrogate pair.
function rowsOf(text) {
  const rows = [];
  let start = 0;
  while (start < text.length) {
    let end = Math.min(start + ROW, text.length);
    if (end < text.length) {
      const line = text.lastIndexOf("\n", end - 1);
      const next = text.indexOf("\n", end);
      if (line >= start) end = line + 1;
      else if (next >= 0 && next - start < ROW * 6) end = next + 1;
      else {
        const space = text.lastIndexOf(" ", Math.min(start + ROW * 6, text.length) - 1);
        end = space > start ? space + 1 : Math.min(start + ROW * 6, text.length);
        const code = text.charCodeAt(end - 1);
        if (code >= 0xd800 && code < 0xdc00) end += 1;
      }
    }
    rows.push([start, end]);
    start = end;
  }
  return rows;
}

function placeOf(node, offset, length) {
  if (node.nodeType === Node.TEXT_NODE) {
    const x = node.parentElement.dataset.x;
    return x === undefined ? null : Number(x) + offset;
  }
  const inside = node.childNodes[Math.min(offset, node.childNodes.length - 1)];
  const span = [node, inside, node.nextElementSibling]
    .map((each) => each?.dataset?.x !== undefined ? each : each?.querySelector?.("span[data-x]"))
    .find((each) => each);
  return span ? Math.min(Number(span.dataset.x), length) : null;
}
