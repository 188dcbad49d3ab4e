"""Where ranks find each other, also after a restart. Chapter 10."""

import secrets
import time
from typing import Any

import torch.distributed as dist


def place() -> dict[str, Any]:
    """What `init_process_group` needs, of ranks that torchrun has just started.

    After a restart torchrun's store still holds the addresses of those that died, and the new ranks may take
    them for each other's and never meet (pytorch issue 167288; seen with torch 2.15 in three tries of three).
    So they take a name for what they tell each other that only the living know.
    """
    store, rank, world = next(dist.rendezvous("env://"))  # type: ignore[attr-defined]
    store = dist.PrefixStore(_name(store, rank, world), store)  # type: ignore[attr-defined]
    return {"store": store, "rank": rank, "world_size": world}


def _name(store: Any, rank: int, world: int) -> str:
    """Rank 0's word: each greets it with a word of its own, until rank 0 has repeated that."""
    word = secrets.token_hex(8)
    if rank == 0:
        store.set("first", word)
        for other in range(1, world):
            store.set(f"{word}/{store.get(f'{word}/{other}').decode()}", "welcome")
        return word
    while True:
        first: str = store.get("first").decode()
        store.set(f"{first}/{rank}", word)
        if store.check([f"{first}/{word}"]):
            return first
        time.sleep(0.1)
