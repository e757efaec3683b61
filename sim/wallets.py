"""Which wallet an EOA may trade for: the four kinds of the venue and their CREATE2 addresses."""

from __future__ import annotations

from functools import lru_cache

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

EOA, PROXY, SAFE, DEPOSIT = 0, 1, 2, 3  # the venue's signature types

_PROXY_FACTORY = "aB45c5A4B0c941a2F231C04C3f49182e1A254052"
_PROXY_IMPLEMENTATION = "44e999d5c2F66Ef0861317f9A4805AC2e90aEB4f"
_SAFE_FACTORY = "aacFeEa03eb1561C4e67d661e40682Bd20E3541b"
_SAFE_INIT_HASH = "2bce2127ff07fb632d16c8347c4ebf501f4841168bed00d9e6ef715ddb6fcecf"
_DEPOSIT_FACTORY = "00000000000Fb5C9ADea0298D729A0CB3823Cc07"
_DEPOSIT_IMPLEMENTATION = "58CA52ebe0DadfdF531Cde7062e76746de4Db1eB"
_DEPOSIT_BEACON = "7A18EDfe055488A3128f01F563e5B479D92ffc3a"

# Creation code of a minimal proxy behind the factory, of an ERC-1967 proxy and of a beacon proxy,
# as deployed on Polygon: constants of the chain.
_PROXY_HEAD = "3d3d606380380380913d393d73"
_PROXY_MIDDLE = "5af4602a57600080fd5b602d8060366000396000f3363d3d373d3d3d363d73"
_PROXY_TAIL = "5af43d82803e903d91602b57fd5bf352e831dd" + "20".rjust(64, "0") + "0" * 64
_UUPS_HEAD = 0x61003D3D8160233D3973
_UUPS_TAIL = bytes.fromhex(
    "60095155f3363d3d373d3d363d7f360894a13ba1a3210667c828492db98dca3e2076"
    "cc3735a920a3ca505d382bbc545af43d6000803e6038573d6000fd5b3d6000f3"
)
_BEACON_HEAD = 0x6100523D8160233D3973
_BEACON_TAIL = bytes.fromhex(
    "60195155f3363d3d373d3d363d602036600436635c60da"
    "1b60e01b36527fa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6c"
    "b3582b35133d50545afa5036515af43d6000803e604d573d6000fd5b3d6000f3"
)


@lru_cache(maxsize=1024)
def wallets_of(signer: str) -> dict[str, int]:
    """Return the wallets the EOA controls, lower case, each with its signature type."""
    raw = bytes.fromhex(signer.removeprefix("0x"))
    padded = raw.rjust(32, b"\0")
    args = bytes.fromhex(_DEPOSIT_FACTORY).rjust(32, b"\0") + padded
    return {
        "0x" + raw.hex(): EOA,
        _create2(_PROXY_FACTORY, keccak(raw), keccak(bytes.fromhex(_proxy_code()))): PROXY,
        _create2(_SAFE_FACTORY, keccak(padded), bytes.fromhex(_SAFE_INIT_HASH)): SAFE,
        _deposit(_BEACON_HEAD, _DEPOSIT_BEACON, _BEACON_TAIL, args): DEPOSIT,
        _deposit(_UUPS_HEAD, _DEPOSIT_IMPLEMENTATION, _UUPS_TAIL, args): DEPOSIT,
    }


def safe_of(signer: str) -> str:
    """Return the Gnosis Safe of an EOA, checksummed."""
    found = next(wallet for wallet, kind in wallets_of(signer).items() if kind == SAFE)
    return str(to_checksum_address(found))


def _proxy_code() -> str:
    factory, target = _PROXY_FACTORY.lower(), _PROXY_IMPLEMENTATION.lower()
    return _PROXY_HEAD + factory + _PROXY_MIDDLE + target + _PROXY_TAIL


def _deposit(head: int, target: str, tail: bytes, args: bytes) -> str:
    code = (head + (len(args) << 56)).to_bytes(10, "big") + bytes.fromhex(target) + tail + args
    return _create2(_DEPOSIT_FACTORY, keccak(args), keccak(code))


def _create2(factory: str, salt: bytes, code_hash: bytes) -> str:
    return "0x" + keccak(b"\xff" + bytes.fromhex(factory) + salt + code_hash)[12:].hex()
