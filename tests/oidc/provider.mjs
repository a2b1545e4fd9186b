// A real OpenID provider for the tests of the console: who logs in, and on which level, is typed on its page.
// Arguments: port, redirect address, address for logging off, certificate, key.
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { Provider } from "oidc-provider";

const [port, redirect, loggedOut, cert, key] = process.argv.slice(2);
const issuer = `https://localhost:${port}`;
const jwk = (kind, options, extra) =>
  createPrivateKey(generateKeyPairSync(kind, { ...options, privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" } }).privateKey).export({ format: "jwk" });

const client = (id, algorithm) => ({
  client_id: id,
  client_secret: "geheim-van-de-poort",
  redirect_uris: [redirect],
  post_logout_redirect_uris: [],
  grant_types: ["authorization_code"],
  response_types: ["code"],
  token_endpoint_auth_method: "client_secret_basic",
  id_token_signed_response_alg: algorithm,
  backchannel_logout_uri: loggedOut,
  backchannel_logout_session_required: true,
});

const provider = new Provider(issuer, {
  clients: [client("toezicht", "ES256")],
  jwks: { keys: [{ ...jwk("ec", { namedCurve: "P-256" }), use: "sig", alg: "ES256", kid: "een" },
                 { ...jwk("rsa", { modulusLength: 2048 }), use: "sig", alg: "RS256", kid: "twee" }] },
  acrValues: ["http://eidas.europa.eu/LoA/low", "http://eidas.europa.eu/LoA/substantial"],
  claims: { openid: ["sub"], acr: null, auth_time: null, sid: null, iss: null },
  cookies: { keys: ["only for tests"] },
  features: { devInteractions: { enabled: false }, backchannelLogout: { enabled: true } },
  pkce: { required: () => true },
  fetch: (url, { dispatcher, ...options }) => fetch(url, options), // the console is on this machine
  interactions: { url: (_, interaction) => `/wie/${interaction.uid}` },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  loadExistingGrant: async (context) => {
    const grant = new context.oidc.provider.Grant({
      clientId: context.oidc.client.clientId, accountId: context.oidc.session.accountId });
    grant.addOIDCScope("openid");
    await grant.save();
    return grant;
  },
});
provider.on("server_error", (_, error) => console.error(error));
provider.on("backchannel.error", (_, error) => console.error(error));

provider.use(async (context, next) => {
  if (!context.path.startsWith("/wie/")) return next();
  if (context.method === "GET") {
    context.type = "html";
    context.body = `<form method="post"><label>Wie <input name="sub"></label><label>Niveau <input name="acr"></label>
      <button>Verder</button></form>`;
    return undefined;
  }
  let body = "";
  for await (const part of context.req) body += part;
  const told = new URLSearchParams(body);
  await provider.interactionFinished(context.req, context.res,
    { login: { accountId: told.get("sub"), acr: `http://eidas.europa.eu/LoA/${told.get("acr")}` } });
  context.respond = false;
  return undefined;
});

createServer({ cert: readFileSync(cert), key: readFileSync(key) }, provider.callback())
  .listen(Number(port), "localhost", () => console.log("ready"));
