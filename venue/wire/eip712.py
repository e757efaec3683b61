"""EIP-712 of the exchange: order ids, order signatures, L1 login (facts 1.5, 2.2)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

CHAIN_ID: Final = 137
STANDARD_EXCHANGE: Final = "0xE111180000d2663C0091e4f400237545B87B996B"
NEG_RISK_EXCHANGE: Final = "0xe2222d279d744050d28e00520010520000310F59"
EXCHANGE_V3: Final = "0xe3333700cA9d93003F00f0F71f8515005F6c00Aa"
ZERO_BYTES32: Final = "0x" + "0" * 64
POLY_1271: Final = 3  # signature type of deposit wallets
SESSION_MAGIC: Final = bytes.fromhex("6492" * 16)  # ends a session key's signature (ERC-6492)

ORDER_TYPE: Final = (
    "Order(uint256 salt,address maker,address signer,uint256 tokenId,uint256 makerAmount,"
    "uint256 takerAmount,uint8 side,uint8 signatureType,uint256 timestamp,bytes32 metadata,"
    "bytes32 builder)"
)
_ORDER_TYPE_HASH = keccak(ORDER_TYPE.encode())
_DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
_AUTH_DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId)"
_AUTH_TYPE = "ClobAuth(address address,string timestamp,uint256 nonce,string message)"
_AUTH_MESSAGE = "This message attests that I control the given wallet"
_WRAPPER_TYPE = (  # ERC-7739: what a deposit wallet's owner really signs
    "TypedDataSign(Order contents,string name,string version,uint256 chainId,"
    "address verifyingContract,bytes32 salt)" + ORDER_TYPE
)


@dataclass(frozen=True, slots=True)
class Domain:
    """The exchange contract that an order is signed for."""

    contract: str
    version: str = "2"
    chain_id: int = CHAIN_ID


@dataclass(frozen=True, slots=True)
class OrderFields:
    """The eleven signed fields of an order. Amounts in base units (6 decimals)."""

    salt: int
    maker: str
    signer: str
    token_id: int
    maker_amount: int
    taker_amount: int
    side: str
    signature_type: int
    timestamp: int  # milliseconds
    metadata: str = ZERO_BYTES32
    builder: str = ZERO_BYTES32


def is_position_id(token_id: int) -> bool:
    """Return whether the id is a protocol-v2 position: bits 40 to 103 are zero (facts 2.4)."""
    return token_id > 0 and (token_id >> 40) & ((1 << 64) - 1) == 0


def domain_of(token_id: int, *, neg_risk: bool) -> Domain:
    """Return the domain that orders for this token are signed with."""
    if is_position_id(token_id):
        return Domain(EXCHANGE_V3, "3")
    return Domain(NEG_RISK_EXCHANGE if neg_risk else STANDARD_EXCHANGE)


@lru_cache(maxsize=256)  # one order is hashed for its id, its signature and its bytes
def order_digest(order: OrderFields, domain: Domain) -> bytes:
    """Return the EIP-712 digest of the order, 32 bytes."""
    return _typed(_domain_hash(domain), _struct_hash(order))


def order_id(order: OrderFields, domain: Domain) -> str:
    """Return the venue's order id: the digest as lower-case 0x hex, for every signature type."""
    return "0x" + order_digest(order, domain).hex()


def signing_digest(order: OrderFields, domain: Domain) -> bytes:
    """Return the digest that is signed: the order's own, or the ERC-7739 wrapper for type 3."""
    if order.signature_type != POLY_1271:
        return order_digest(order, domain)
    wrapper = b"".join(
        (
            keccak(_WRAPPER_TYPE.encode()),
            _struct_hash(order),
            keccak(b"DepositWallet"),
            keccak(b"1"),
            _uint(domain.chain_id),
            _address(order.signer),
            bytes(32),
        )
    )
    return _typed(_domain_hash(domain), keccak(wrapper))


def signature_trailer(order: OrderFields, domain: Domain) -> bytes:
    """Return what follows the 65 signature bytes of a type-3 order."""
    contents = ORDER_TYPE.encode()
    return _domain_hash(domain) + _struct_hash(order) + contents + len(contents).to_bytes(2, "big")


def sign_order(order: OrderFields, domain: Domain, private_key: str) -> str:
    """Return the signature as 0x hex, deterministic (RFC 6979), trailer included for type 3."""
    signature = _sign(signing_digest(order, domain), private_key)
    if order.signature_type == POLY_1271:
        signature += signature_trailer(order, domain)
    return "0x" + signature.hex()


def order_signer(order: OrderFields, domain: Domain, signature: str) -> str | None:
    """Return the checksummed address that signed the order, or None when it cannot be valid.

    Whether that address may act for `order.maker` is the caller's question.
    """
    try:
        raw = bytes.fromhex(signature.removeprefix("0x"))
    except ValueError:
        return None
    if order.signature_type == POLY_1271:
        raw, session = _unwrap_session(raw)
        trailer = signature_trailer(order, domain)
        if len(raw) != 65 + len(trailer) or raw[65:] != trailer:
            return None
        found = recover(signing_digest(order, domain), raw[:65])
        return found if session is None or found == session else None
    return recover(order_digest(order, domain), raw)


def auth_digest(address: str, timestamp: str, nonce: int, chain_id: int = CHAIN_ID) -> bytes:
    """Return the digest of the L1 login message (ClobAuth)."""
    domain = keccak(
        keccak(_AUTH_DOMAIN_TYPE.encode())
        + keccak(b"ClobAuthDomain")
        + keccak(b"1")
        + _uint(chain_id)
    )
    body = keccak(
        keccak(_AUTH_TYPE.encode())
        + _address(address)
        + keccak(timestamp.encode())
        + _uint(nonce)
        + keccak(_AUTH_MESSAGE.encode())
    )
    return _typed(domain, body)


def sign_auth(address: str, timestamp: str, nonce: int, private_key: str) -> str:
    """Return the L1 login signature as 0x hex."""
    return "0x" + _sign(auth_digest(address, timestamp, nonce), private_key).hex()


def recover(digest: bytes, signature: bytes) -> str | None:
    """Return the checksummed address behind a 65-byte signature, or None when malformed."""
    if len(signature) != 65 or signature[64] not in (0, 1, 27, 28):
        return None
    try:
        public = _recover_public(digest, signature[:64] + bytes([signature[64] % 27]))
    except Exception:  # every library names its own error for "no such point"
        return None
    return _checksummed(keccak(public)[12:])


@lru_cache(maxsize=256)  # few accounts sign many orders
def _checksummed(raw: bytes) -> str:
    return str(to_checksum_address(raw))


def _unwrap_session(raw: bytes) -> tuple[bytes, str | None]:
    if not raw.endswith(SESSION_MAGIC) or len(raw) < 160:
        return raw, None
    session = to_checksum_address(raw[12:32])
    length = int.from_bytes(raw[96:128], "big")
    return raw[128 : 128 + length], session


@lru_cache(maxsize=256)
def _struct_hash(order: OrderFields) -> bytes:
    return keccak(
        b"".join(
            (
                _ORDER_TYPE_HASH,
                _uint(order.salt),
                _address(order.maker),
                _address(order.signer),
                _uint(order.token_id),
                _uint(order.maker_amount),
                _uint(order.taker_amount),
                _uint(0 if order.side == "BUY" else 1),
                _uint(order.signature_type),
                _uint(order.timestamp),
                bytes.fromhex(order.metadata.removeprefix("0x")).rjust(32, b"\0"),
                bytes.fromhex(order.builder.removeprefix("0x")).rjust(32, b"\0"),
            )
        )
    )


@lru_cache(maxsize=16)
def _domain_hash(domain: Domain) -> bytes:
    return keccak(
        keccak(_DOMAIN_TYPE.encode())
        + keccak(b"Polymarket CTF Exchange")
        + keccak(domain.version.encode())
        + _uint(domain.chain_id)
        + _address(domain.contract)
    )


def _typed(domain_hash: bytes, struct_hash: bytes) -> bytes:
    return keccak(b"\x19\x01" + domain_hash + struct_hash)


def _uint(value: int) -> bytes:
    return value.to_bytes(32, "big")


def _address(value: str) -> bytes:
    raw = bytes.fromhex(value.removeprefix("0x"))
    if len(raw) != 20:
        raise ValueError(f"expected an address of 20 bytes, was {value!r}")
    return raw.rjust(32, b"\0")


try:
    from coincurve import PrivateKey, PublicKey

    def _sign(digest: bytes, private_key: str) -> bytes:
        key = PrivateKey(bytes.fromhex(private_key.removeprefix("0x")))
        raw = key.sign_recoverable(digest, hasher=None)
        return raw[:64] + bytes([raw[64] + 27])

    def _recover_public(digest: bytes, signature: bytes) -> bytes:
        return PublicKey.from_signature_and_message(signature, digest, hasher=None).format(
            compressed=False
        )[1:]

except ImportError:  # no wheel for this Python: the slow, pure implementation

    def _sign(digest: bytes, private_key: str) -> bytes:
        from eth_keys.datatypes import PrivateKey as SlowKey

        key = SlowKey(bytes.fromhex(private_key.removeprefix("0x")))
        raw = key.sign_msg_hash(digest).to_bytes()
        return raw[:64] + bytes([raw[64] + 27])

    def _recover_public(digest: bytes, signature: bytes) -> bytes:
        from eth_keys.datatypes import Signature

        return bytes(Signature(signature).recover_public_key_from_msg_hash(digest).to_bytes())
