import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from .errors import Error as Error, InputError as InputError, Rejected as Rejected

_Source: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview
_Input: TypeAlias = str | os.PathLike[str] | npt.ArrayLike
_Integers: TypeAlias = npt.NDArray[np.int8] | npt.NDArray[np.uint8]
_Profile: TypeAlias = Literal["fast", "balanced", "small"]
_Hash: TypeAlias = Literal["blake3", "poseidon2"]

__all__: list[str]

class Model:
    def __new__(cls, data: bytes, name: str) -> Model: ...
    @property
    def id(self) -> str: ...
    @property
    def input_shape(self) -> list[int]: ...
    @property
    def input_kind(self) -> Literal["float32", "int8", "uint8", "tokens"]: ...
    @property
    def vocabulary(self) -> int | None: ...
    @property
    def output_shape(self) -> list[int]: ...
    @property
    def output_kind(self) -> Literal["int8", "uint8"]: ...
    @property
    def nodes(self) -> int: ...

class Key:
    def __new__(cls, data: bytes) -> Key: ...
    @property
    def model_id(self) -> str: ...
    @property
    def digest(self) -> str: ...
    def encode(self) -> bytes: ...

@dataclass(frozen=True)
class Run:
    output_q: _Integers
    output: npt.NDArray[np.float32]

@dataclass(frozen=True)
class Proof:
    bundle: bytes
    model_id: str
    mode: Literal["open", "key"]
    proven_bits: int
    shards: int
    output_q: _Integers
    output: npt.NDArray[np.float32]
    prove_s: float
    def save(self, path: str | os.PathLike[str]) -> None: ...

@dataclass(frozen=True)
class Verified:
    model_id: str
    mode: Literal["open", "key"]
    proven_bits: int
    hash: _Hash
    batch: int
    input: npt.NDArray[Any]
    output_q: _Integers
    output: npt.NDArray[np.float32]
    key: str | None
    parents: tuple[str, ...]
    verify_ms: float

def load(model: _Source | Model) -> Model: ...
def read_key(key: _Source | Key) -> Key: ...
def run(model: _Source | Model, x: _Input, *, indices: int | range | None = None) -> Run: ...
def setup(
    model: _Source | Model, *, security: Literal[100, 128] = 100, profile: _Profile = "balanced", hash: _Hash = "blake3",
    threads: int | None = None,
) -> Key: ...
def prove(
    model: _Source | Model, x: _Input, *, indices: int | range | None = None, key: _Source | Key | None = None,
    parents: Iterable[_Source | Proof] = (), security: Literal[100, 128] = 100, profile: _Profile = "balanced",
    hash: _Hash = "blake3", threads: int | None = None,
    max_memory_bytes: int | None = None, progress: Callable[[str, int, int], object] | None = None,
) -> Proof: ...
def verify(
    bundle: _Source | Proof, *, model: _Source | Model | None = None, key: _Source | Key | None = None,
    input: _Input | None = None, min_security: int = 100, hash: _Hash | None = None,
) -> Verified: ...
def inspect(source: _Source | Model | Key | Proof) -> dict[str, Any]: ...
