// A certified OpenID provider as the one that signs mailboxes in. Whoever comes is let in under the login that they type.
//
// node authority.mjs PORT REDIRECT SECONDS-OF-AN-ACCESS-TOKEN
//
// Under /control/ stands what a test does to it: take back what a person has, answer that it is busy, count.
import Provider from "oidc-provider";

const [port, redirect, life] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const CLIENT = "waxseal";

const provider = new Provider(issuer, {
  clients: [
    { client_id: CLIENT, client_secret: "kumquat-client", redirect_uris: [redirect], grant_types: ["authorization_code", "refresh_token"], token_endpoint_auth_method: "client_secret_post" },
    { client_id: "dovecot", client_secret: "introspection", redirect_uris: [], grant_types: [], response_types: [], token_endpoint_auth_method: "client_secret_basic" },
  ],
  cookies: { keys: ["not a secret: ends with the test"] },
  findAccount: (_context, accountId) => ({ accountId, claims: () => ({ sub: accountId, email: accountId }) }),
  claims: { openid: ["sub"], email: ["email"] },
  conformIdTokenClaims: false,
  features: {
    introspection: { enabled: true, allowedPolicy: (_context, client) => client.clientId === "dovecot" },
    revocation: { enabled: true },
    deviceFlow: { enabled: true },
  },
  issueRefreshToken: () => true,
  // The one of before is good no more, and a second use of it takes everything back.
  rotateRefreshToken: true,
  ttl: { AccessToken: Number(life), RefreshToken: 86_400, Grant: 86_400, Session: 86_400, Interaction: 3_600, AuthorizationCode: 60, IdToken: 3_600 },
});

const counts = { refreshes: 0, introspections: 0 };
const grants = new Map();
let busy = 0;

provider.on("grant.success", (context) => {
  if (context.oidc.params.grant_type === "refresh_token") counts.refreshes += 1;
});
provider.on("refresh_token.saved", (token) => grants.set(token.accountId, token.grantId));

async function control(context) {
  const { login, times } = context.query;
  if (context.path === "/control/counts") context.body = counts;
  if (context.path === "/control/busy") {
    busy = Number(times);
    context.body = {};
  }
  if (context.path === "/control/take-back") {
    const grantId = grants.get(login);
    for (const kind of [provider.AccessToken, provider.RefreshToken, provider.AuthorizationCode]) await kind.revokeByGrantId(grantId);
    await (await provider.Grant.find(grantId))?.destroy();
    context.body = {};
  }
}

provider.use(async (context, next) => {
  if (context.path.startsWith("/control/")) return control(context);
  if (context.path === "/token/introspection") counts.introspections += 1;
  if (context.path === "/token" && busy > 0) {
    busy -= 1;
    context.status = 503;
    context.body = "busy";
    return;
  }
  return next();
});

provider.listen(Number(port), "127.0.0.1");
