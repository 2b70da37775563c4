// An issuer for .ci/oidc: the certified oidc-provider with one client, which gets signed tokens with a role and a clinic.
//   node oidc.mjs FOLDER PORT CLINIC      FOLDER holds node_modules
import { generateKeyPairSync } from 'node:crypto';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [folder, port, clinic] = process.argv.slice(2);
const found = createRequire(`${folder}/here.js`).resolve('oidc-provider');
const { Provider } = await import(pathToFileURL(found));

const key = (kid, use, type, options) => {
  const { privateKey } = generateKeyPairSync(type, options);
  return { ...privateKey.export({ format: 'jwk' }), kid, use };
};
const provider = new Provider(`http://127.0.0.1:${port}`, {
  jwks: { keys: [key('rsa', 'sig', 'rsa', { modulusLength: 2048 }), key('ec', 'sig', 'ec', { namedCurve: 'P-256' })] },
  clients: [
    {
      client_id: 'nurse-1',
      client_secret: 'not-a-secret',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    },
  ],
  cookies: { keys: ['not-a-secret'] },
  extraTokenClaims: () => ({ role: 'nurse', clinic, name: 'Nurse One' }),
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_, resource) => ({
        scope: 'work',
        audience: resource.slice('urn:'.length),
        accessTokenFormat: 'jwt',
        accessTokenTTL: 300,
        jwt: { sign: { alg: resource.endsWith('-ec') ? 'ES256' : 'RS256' } },
      }),
    },
  },
});
provider.listen(Number(port), '127.0.0.1');
