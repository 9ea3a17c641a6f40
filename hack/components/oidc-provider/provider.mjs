// The certified OpenID provider of npm, as tests use it: any name signs in with any password on its own pages, and is in the
// groups that the file of settings says.
//   node provider.mjs SETTINGS    a JSON file: certificate and key (PEM files), groups by name, idTokenSeconds, and programs that sign
//                                 in by themselves: their secrets by their client ids
// It prints its issuer URL once it serves, and ends with its standard input.
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const settings = JSON.parse(readFileSync(process.argv[2], "utf8"));
// Installed in the cache, not beside this file.
const installed = createRequire(`${settings.modules}/`);
const { default: Provider, errors } = await import(pathToFileURL(installed.resolve("oidc-provider")));

const server = createServer({ cert: readFileSync(settings.certificate), key: readFileSync(settings.key) });
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const issuer = `https://127.0.0.1:${server.address().port}`;

const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "guestclusters",
      application_type: "native",
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
      response_types: ["code"],
      redirect_uris: ["http://127.0.0.1/callback"],
      id_token_signed_response_alg: "ES256",
    },
    ...Object.entries(settings.programs ?? {}).map(([client_id, client_secret]) => ({
      client_id,
      client_secret,
      grant_types: ["client_credentials"],
      response_types: [],
      redirect_uris: [],
      id_token_signed_response_alg: "ES256",
    })),
  ],
  jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), alg: "ES256", use: "sig", kid: "one" }] },
  cookies: { keys: ["for tests alone"] },
  pkce: { required: () => true },
  features: {
    deviceFlow: { enabled: true },
    revocation: { enabled: true },
    clientCredentials: { enabled: true },
    // Access tokens are opaque, except those for the supervisor.
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      getResourceServerInfo: async (_context, resource) => {
        if (resource !== "urn:guestclusters") throw new errors.InvalidTarget();
        return { scope: "", audience: "guestclusters", accessTokenFormat: "jwt", jwt: { sign: { alg: "ES256" } } };
      },
    },
  },
  extraTokenClaims: async (_context, token) => ({ groups: settings.groups?.[token.clientId] ?? [] }),
  claims: { openid: ["sub", "groups"] },
  conformIdTokenClaims: false,
  ttl: { IdToken: settings.idTokenSeconds ?? 600, ClientCredentials: settings.idTokenSeconds ?? 600 },
  // As most providers do, and not only when the request says prompt=consent.
  issueRefreshToken: async (_context, client) => client.grantTypeAllowed("refresh_token"),
  rotateRefreshToken: true,
  findAccount: async (_context, name) => ({
    accountId: name,
    claims: async () => ({ sub: name, groups: settings.groups?.[name] ?? [] }),
  }),
});
server.on("request", provider.callback());
console.log(issuer);
process.stdin.resume().on("end", () => process.exit(0));
