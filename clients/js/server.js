import { createHmac, timingSafeEqual } from "node:crypto";
import createClient from "openapi-fetch";
import { Webhook } from "standardwebhooks";

/** An answer of the API that is no success; `code` is the word to program by. */
export class PortalError extends Error {
  constructor(problem, status) {
    super(problem?.detail ?? `HTTP ${status}`);
    Object.assign(this, { name: "PortalError", status, code: problem?.code, problem });
  }
}

const FRESH_SECONDS = 300;

/** For the backend alone: `key` and `secrets` must never get into a browser. */
export class KycPortal {
  /** `secrets`: the signing secrets, two while one is being replaced. `api`: every other call, typed. */
  constructor({ url, key, secrets = [], fetch = globalThis.fetch }) {
    this.secrets = secrets;
    this.api = createClient({ baseUrl: url, fetch, headers: { Authorization: `Bearer ${key}` } });
  }

  /** The started onboarding, with the customer's `url`; or the customer's open one. */
  create(onboarding, { idempotencyKey } = {}) {
    const headers = idempotencyKey ? { "Idempotency-Key": idempotencyKey } : {};
    return answered(this.api.POST("/api/v1/onboardings", { body: onboarding, headers }));
  }

  /** The truth, whatever came back with the customer. */
  read(id) {
    return answered(this.api.GET("/api/v1/onboardings/{onboarding_id}", { params: { path: { onboarding_id: id } } }));
  }

  /** A notification, if it is the portal's; throws otherwise. `body`: its bytes or text, not parsed. */
  notification(body, headers) {
    let fault = new Error("no signing secrets");
    for (const secret of this.secrets) {
      try { return new Webhook(secret).verify(body, headers); } catch (error) { fault = error; }
    }
    throw fault;
  }

  /** What came with the customer, if it is signed and fresh; else null. `url`: as it was asked for. */
  returned(url) {
    const query = url.slice(url.indexOf("?") + 1);
    const end = query.lastIndexOf("&signature=");
    if (end < 0) return null;
    const [signed, signature] = [query.slice(0, end), query.slice(end + "&signature=".length)];
    const isOurs = this.secrets.some((secret) => {
      const right = createHmac("sha256", secret).update(signed).digest();
      const given = Buffer.from(signature, "hex");
      return given.length === right.length && timingSafeEqual(given, right);
    });
    const result = Object.fromEntries(new URLSearchParams(signed));
    return isOurs && Math.abs(Date.now() / 1000 - Number(result.t)) < FRESH_SECONDS ? result : null;
  }
}

async function answered(call) {
  const { data, error, response } = await call;
  if (!response.ok) throw new PortalError(error, response.status);
  return data;
}
