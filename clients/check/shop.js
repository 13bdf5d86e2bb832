// A shop with React 18 and 19, its backend on Express: `node shop.js PORT PORTAL KEY SECRET`.
import { createHmac } from "node:crypto";
import express from "express";
import { KycPortal } from "@kyc-onboarding-portal/kyc-onboarding/server";

const [port, url, key, secret] = process.argv.slice(2);
const portal = new KycPortal({ url, key, secrets: [secret] });
const shop = express();
const heard = [];
let customers = 0;

shop.use("/client", express.static("dist"));

shop.get("/react/:version", async ({ params: { version } }, response) => {
  const started = await portal.create({ external_id: `customer-${version}-${++customers}`, return_url: `http://shop.localhost:${port}/done`, locale: "en" });
  const { render } = await import(`./dist/${version}/server/server.js`);
  response.send(`<!DOCTYPE html><html lang="en"><head><title>Shop</title></head><body>
<div id="root" data-link="${started.url}">${render(started.url)}</div>
<script type="module" src="/client/${version}/client/client.js"></script></body></html>`);
});

shop.post("/hooks", express.raw({ type: "application/json" }), (request, response) => {
  try {
    heard.push(portal.notification(request.body, request.headers).data);
    response.sendStatus(204);
  } catch {
    response.sendStatus(400);
  }
});

shop.get("/done", async (request, response) => {
  const result = portal.returned(request.originalUrl);
  if (!result) return response.sendStatus(400);
  const { status } = await portal.read(result.onboarding_id);
  return response.json({ signed: result.status, read: status });
});

shop.get("/own", (_request, response) => {
  const own = `next=/a?b&signature=theirs&onboarding_id=x&t=${Math.floor(Date.now() / 1000)}`;
  const signature = createHmac("sha256", secret).update(own).digest("hex");
  response.json(portal.returned(`/done?${own}&signature=${signature}`));
});

shop.get("/empty", async (_request, response) => {
  const fetch = async () => new Response(null, { status: 502, headers: { "Content-Length": "0" } });
  const { status } = await new KycPortal({ url, key, fetch }).read("x").catch((error) => error);
  response.json({ status });
});

shop.get("/heard", (_request, response) => response.json(heard));
shop.get("/wrong", async (_request, response) => {
  const { code } = await portal.create({ external_id: "" }).catch((error) => error);
  response.json({ code });
});

shop.listen(port, "127.0.0.1", () => console.log("ready"));
