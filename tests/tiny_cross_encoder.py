"""A real cross-encoder, small enough to be built and trained while a test waits."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

THINGS = "tower bread bees ferry cheese violin glacier comet".split()
FILLERS = "the of a is old new near far big small".split()
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def save_tiny_cross_encoder(folder: Path, *, outputs: int = 1) -> Path:
    """Train a model to say whether query and text name the same thing; keep it in the folder."""
    torch.manual_seed(7)
    tokenizer = tiny_tokenizer()
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=128,
        max_position_embeddings=32,
        num_labels=outputs,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        initializer_range=0.1,  # of so few numbers, that the usual 0.02 would learn slowly
    )
    model = BertForSequenceClassification(config)
    if outputs == 1:
        while not knows_its_things(model, tokenizer):
            train(model, tokenizer, 100)
    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def tiny_tokenizer() -> PreTrainedTokenizerFast:
    letters = "abcdefghijklmnopqrstuvwxyz"
    pieces = [*SPECIAL, *THINGS, *FILLERS, *letters, *(f"##{letter}" for letter in letters)]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    inner = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    inner.normalizer = normalizers.BertNormalizer()
    inner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    inner.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=32,
    )


def train(model: BertForSequenceClassification, tokenizer: PreTrainedTokenizerFast, steps: int):

    def draw(words: list[str]) -> str:
        return words[int(torch.randint(len(words), (1,)))]

    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    model.train()
    for _ in range(steps):
        queries, texts, labels = [], [], []
        for row in range(32):
            asked = draw(THINGS)
            told = asked if row % 2 else draw([thing for thing in THINGS if thing != asked])
            queries.append(f"{draw(FILLERS)} {asked}")
            texts.append(f"{draw(FILLERS)} {told} {draw(FILLERS)}")
            labels.append([float(asked == told)])
        read = tokenizer(queries, texts, padding=True, return_tensors="pt")
        logits = model(**read).logits
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.tensor(labels))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def knows_its_things(model: BertForSequenceClassification, tokenizer: PreTrainedTokenizerFast):
    """Return whether every matching pair scores far above every other."""
    pairs = [(f"a {asked}", f"the {told} is old") for asked in THINGS for told in THINGS]
    read = tokenizer(*map(list, zip(*pairs, strict=True)), padding=True, return_tensors="pt")
    with torch.inference_mode():
        logits = model.eval()(**read).logits.reshape(len(THINGS), len(THINGS))
    same = torch.eye(len(THINGS), dtype=torch.bool)
    return logits[same].min() > 3 and logits[~same].max() < -1
