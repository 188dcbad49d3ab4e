"""A decoder-only transformer over a small alphabet, as chapter 11 writes it in the open.

After Vaswani et al. (2017), with layer norm in front of each part as in GPT-2 (Radford et al. 2019), learned
positions, and an output layer of its own.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kdlib import checks
from kdlib.models.modes import evaluated
from kdlib.models.pictures import initialised
from kdlib.softening import soften

# Keys and values of what was read, one pair a block, so that writing goes on without reading it all again.
Cache = list[tuple[Tensor, Tensor]]


class Attention(nn.Module):
    """Each position takes a mixture of the values of those before it and its own."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.read = nn.Linear(width, 3 * width)  # queries, keys and values, one after the other
        self.write = nn.Linear(width, width)

    def forward(self, x: Tensor, past: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """x: (B, L, width) at the positions behind `past`; also returns past and present keys and values."""
        split = self.read(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = split.unbind()  # (B, heads, L, width / heads) each
        if past is not None:
            key, value = torch.cat([past[0], key], dim=2), torch.cat([past[1], value], dim=2)
        new, all_ = query.shape[2], key.shape[2]
        seen = torch.ones(new, all_, dtype=torch.bool, device=x.device).tril(all_ - new) if past else None
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=seen, is_causal=seen is None)
        return self.write(mixed.transpose(1, 2).flatten(2)), (key, value)


class Block(nn.Module):
    """Attention between positions, then two layers at each of them; both are added to what came in."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.norm1, self.attention = nn.LayerNorm(width), Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, past: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """x: (B, L, width)."""
        mixed, present = self.attention(self.norm1(x), past)
        x = x + self.dropout(mixed)
        return x + self.dropout(self.fc2(F.gelu(self.fc1(self.norm2(x))))), present


class Decoder(nn.Module):
    """From tokens (B, L) to the logits of each next token, (B, L, vocabulary)."""

    def __init__(self, vocabulary: int, context: int, width: int, layers: int, heads: int, dropout: float):
        super().__init__()
        self.vocabulary, self.context = vocabulary, context
        self.tokens, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(layers))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary)

    def forward(self, tokens: Tensor) -> Tensor:
        """Integers (B, L), L at most `context`."""
        return self.read(tokens, None)[0]

    def read(self, tokens: Tensor, cache: Cache | None) -> tuple[Tensor, Cache]:
        """The logits behind what the cache holds, and the cache with these tokens; None: from the start.

        Raises:
            TypeError: tokens that are no integers.
            ValueError: another shape, more tokens than the context holds, or a token that there is not.
        """
        start = cache[0][0].shape[2] if cache else 0
        if tokens.is_floating_point() or tokens.dtype == torch.bool:
            raise TypeError(f"tokens has dtype {tokens.dtype}; give integers, as from data.text.encode")
        if tokens.ndim != 2 or not 0 < start + tokens.shape[1] <= self.context:
            raise ValueError(
                f"tokens has shape {tuple(tokens.shape)}, behind {start} others; this model takes (B, L) and "
                f"reads {self.context} tokens at most: keep the last ones"
            )
        low, high = checks.ends(tokens) if checks.readable(tokens) else (0, 0)
        if low < 0 or high >= self.vocabulary:
            raise ValueError(
                f"tokens runs from {low} to {high}; this model has {self.vocabulary} of them, from 0: encode "
                "the text with its own vocabulary"
            )
        places = torch.arange(start, start + tokens.shape[1], device=tokens.device)
        x = self.dropout(self.tokens(tokens.long()) + self.positions(places))
        held: Cache = []
        for i, block in enumerate(self.blocks):
            x, present = block(x, cache[i] if cache else None)
            held.append(present)
        return self.head(self.norm(x)), held


def transformer(
    layers: int,
    width: int,
    *,
    seed: int,
    vocabulary: int = 65,
    context: int = 128,
    heads: int = 4,
    dropout: float = 0.0,
) -> Decoder:
    """A decoder with random weights. Chapter 11.

    `transformer(4, 128, dropout=0.1, seed=0)` is the teacher (826,433 parameters), `transformer(2, 64,
    seed=0)` the student (116,673).

    Args:
        layers, width, heads: of the blocks; heads divides width.
        seed: fixes the initial weights; the global random state is neither used nor changed.
        vocabulary: how many different tokens there are.
        context: the most tokens that it can read.
        dropout: the share of each part's outputs that is left out in training.

    Raises:
        ValueError: a width that the heads do not divide.
    """
    if width % heads:
        raise ValueError(f"width is {width}; {heads} heads must divide it")
    with initialised(seed):
        model = Decoder(vocabulary, context, width, layers, heads, dropout)
        for module in model.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)
    return model


@torch.no_grad()
def write(
    model: Decoder,
    prompts: Tensor,
    length: int,
    *,
    temperature: float = 1.0,
    draw: torch.Generator | None = None,
) -> Tensor:
    """Let a decoder go on from prompts, token after token. Chapter 11.

    Args:
        prompts: tokens (B, P), P from 1 to the model's context.
        length: how many tokens to add. Where the context is full, the last half of it is read again.
        temperature: of the shares that are drawn from, not of any loss; 0 takes the likeliest token.
        draw: random numbers, on the model's device; None: the global ones.

    Returns:
        int64 (B, P + length), with the prompts.

    Raises:
        ValueError: a temperature below 0 or not finite, a prompt that is empty or longer than the context.
    """
    if not 0 <= temperature < math.inf:
        raise ValueError(f"temperature is {temperature}; it must be a finite number, 0 or above")
    text = unread = prompts.long()
    cache: Cache | None = None
    with evaluated(model):
        for _ in range(length):
            logits, cache = model.read(unread, cache)
            last = logits[:, -1]
            if temperature:
                token = torch.multinomial(soften(last, temperature), 1, generator=draw)
            else:
                token = last.argmax(-1, keepdim=True)
            text, unread = torch.cat([text, token], dim=1), token
            if cache[0][0].shape[2] == model.context:
                unread, cache = text[:, -(model.context // 2 + 1) :], None
    return text
