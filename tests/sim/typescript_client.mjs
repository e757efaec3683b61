// Drives the published TypeScript client against the sim; prints one JSON object.
import { ClobClient, OrderType, Side, AssetType } from "@polymarket/clob-client-v2";
import { createWalletClient, http } from "viem";
import { privateKeyToAccount } from "viem/accounts";

const [host, key, token] = process.argv.slice(2);
const signer = createWalletClient({ account: privateKeyToAccount(key), transport: http("http://127.0.0.1:9") }); // signs only, never asked
const creds = await new ClobClient({ host, chain: 137, signer }).createOrDeriveApiKey();
const client = new ClobClient({ host, chain: 137, signer, creds });
const options = { tickSize: "0.01", negRisk: false };

const filled = await client.createAndPostMarketOrder(
  { tokenID: token, amount: 10, side: Side.BUY, price: 0.5, orderType: OrderType.FAK },
  options,
  OrderType.FAK,
);
const placed = await client.createAndPostOrder(
  { tokenID: token, price: 0.1, size: 10, side: Side.BUY },
  options,
  OrderType.GTC,
);
const open = await client.getOpenOrders();
const cancelled = await client.cancelOrder({ orderID: placed.orderID });
const trades = await client.getTrades();
const book = await client.getOrderBook(token);
const balance = await client.getBalanceAllowance({ asset_type: AssetType.COLLATERAL });
console.log(JSON.stringify({ filled, placed, open, cancelled, trades, book, balance }));
