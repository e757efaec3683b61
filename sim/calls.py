"""Contract calls that the bot may send: redemption counts, approvals are granted anyway."""

from __future__ import annotations

from eth_utils.crypto import keccak


def selector(signature: str) -> str:
    """Return the first four bytes of a function's hash, hex."""
    return keccak(signature.encode())[:4].hex()


REDEEM_CTF = selector("redeemPositions(address,bytes32,bytes32,uint256[])")
REDEEM_ROUTER = selector("redeem(bytes31,uint256,uint256)")
MULTISEND = selector("multiSend(bytes)")
PROXY = selector("proxy((uint8,address,uint256,bytes)[])")
BALANCE_OF = selector("balanceOf(address)")
BALANCE_1155 = selector("balanceOf(address,uint256)")
BALANCE_BATCH = selector("balanceOfBatch(address[],uint256[])")
ALLOWANCE = selector("allowance(address,address)")
APPROVED_ALL = selector("isApprovedForAll(address,address)")
PAYOUT_DENOMINATOR = selector("payoutDenominator(bytes32)")
PAYOUT_NUMERATORS = selector("payoutNumerators(bytes32,uint256)")

Call = tuple[str, str]  # target, data as 0x hex


def redeemed_condition(data: str) -> str | None:
    """Return the condition that a call redeems, or None when it redeems nothing."""
    raw = data.removeprefix("0x").lower()
    if raw.startswith(REDEEM_CTF):
        return "0x" + raw[8 + 128 : 8 + 192]
    if raw.startswith(REDEEM_ROUTER):
        return "0x" + raw[8 : 8 + 62] + "00"
    return None


def of_safe(to: str, data: str, operation: str) -> list[Call]:
    """Return the calls of a Safe transaction: itself, or the parts of a multisend."""
    raw = bytes.fromhex(data.removeprefix("0x"))
    if operation != "1" or raw[:4].hex() != MULTISEND:
        return [(to, data)]
    length = int.from_bytes(raw[36:68], "big")
    packed, calls, at = raw[68 : 68 + length], [], 0
    while at + 85 <= len(packed):
        target = "0x" + packed[at + 1 : at + 21].hex()
        size = int.from_bytes(packed[at + 53 : at + 85], "big")
        calls.append((target, "0x" + packed[at + 85 : at + 85 + size].hex()))
        at += 85 + size
    return calls


def of_proxy(data: str) -> list[Call]:
    """Return the calls of a proxy-wallet transaction."""
    raw = bytes.fromhex(data.removeprefix("0x"))
    if raw[:4].hex() != PROXY:
        return []
    body = raw[4:]
    array = _word(body, 0)
    count, base = _word(body, array), array + 32
    calls = []
    for index in range(count):
        item = base + _word(body, base + 32 * index)
        target = "0x" + body[item + 44 : item + 64].hex()
        start = item + _word(body, item + 96)
        size = _word(body, start)
        calls.append((target, "0x" + body[start + 32 : start + 32 + size].hex()))
    return calls


def _word(body: bytes, at: int) -> int:
    return int.from_bytes(body[at : at + 32], "big")
