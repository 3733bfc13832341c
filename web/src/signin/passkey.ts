/**
 * WebAuthn between JSON and the browser (Web Authentication Level 3, sections 5.1.8 to 5.1.10). Browsers that carry
 * the conversions themselves do it; the rest get the same by hand.
 */

import { bytesOf, textOf } from '../api/base64url.ts';

/** What the front sends as `publicKey`. */
export type OptionsJson = Record<string, unknown>;

/**
 * The options with the challenge that this page computes itself: SHA-256 over the warden's nonce, the thumbprint of this
 * browser's key and, for an act, its digest. What stands in the options is not taken: an authenticator that signs this
 * challenge binds this key and no other.
 */
export async function withChallenge(options: OptionsJson, nonce: string, thumbprint: string, act = ''): Promise<OptionsJson> {
  const parts = [nonce, thumbprint, act].map(bytesOf);
  const whole = Uint8Array.from(parts.flatMap((part) => [...part]));
  return { ...options, challenge: textOf(await crypto.subtle.digest('SHA-256', whole)) };
}

/** Whether this browser knows passkeys at all. */
export function passkeysKnown(): boolean {
  return typeof PublicKeyCredential !== 'undefined';
}

/** Whether passkeys can be offered from the e-mail field's own list. */
export async function suggestionsKnown(): Promise<boolean> {
  return passkeysKnown() && (await PublicKeyCredential.isConditionalMediationAvailable?.()) === true;
}

/** Asks the browser for a passkey of this site. */
export async function askPasskey(options: OptionsJson, how: { signal: AbortSignal; suggest: boolean }): Promise<unknown> {
  const credential = await navigator.credentials.get({
    publicKey: requestOptions(options),
    signal: how.signal,
    ...(how.suggest ? { mediation: 'conditional' as const } : {}),
  });
  if (!(credential instanceof PublicKeyCredential)) throw new DOMException('no passkey', 'NotAllowedError');
  const response = credential.response as AuthenticatorAssertionResponse;
  return credentialJson(credential, () => ({
    authenticatorData: textOf(response.authenticatorData),
    clientDataJSON: textOf(response.clientDataJSON),
    signature: textOf(response.signature),
    userHandle: response.userHandle ? textOf(response.userHandle) : null,
  }));
}

/** Makes a passkey for this site. */
export async function makePasskey(options: OptionsJson): Promise<unknown> {
  const credential = await navigator.credentials.create({ publicKey: creationOptions(options) });
  if (!(credential instanceof PublicKeyCredential)) throw new DOMException('no passkey', 'NotAllowedError');
  const response = credential.response as AuthenticatorAttestationResponse;
  return credentialJson(credential, () => ({
    attestationObject: textOf(response.attestationObject),
    clientDataJSON: textOf(response.clientDataJSON),
    transports: response.getTransports?.() ?? [],
  }));
}

function credentialJson(credential: PublicKeyCredential, response: () => unknown): unknown {
  if (typeof credential.toJSON === 'function') return credential.toJSON();
  return {
    id: credential.id,
    rawId: textOf(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment,
    clientExtensionResults: credential.getClientExtensionResults(),
    response: response(),
  };
}

function requestOptions(options: OptionsJson): PublicKeyCredentialRequestOptions {
  if (typeof PublicKeyCredential.parseRequestOptionsFromJSON === 'function') {
    return PublicKeyCredential.parseRequestOptionsFromJSON(options as unknown as PublicKeyCredentialRequestOptionsJSON);
  }
  return {
    ...options,
    challenge: bytesOf(String(options['challenge'])),
    allowCredentials: descriptors(options['allowCredentials']),
  } as PublicKeyCredentialRequestOptions;
}

function creationOptions(options: OptionsJson): PublicKeyCredentialCreationOptions {
  if (typeof PublicKeyCredential.parseCreationOptionsFromJSON === 'function') {
    return PublicKeyCredential.parseCreationOptionsFromJSON(options as unknown as PublicKeyCredentialCreationOptionsJSON);
  }
  const user = options['user'] as Record<string, unknown>;
  return {
    ...options,
    challenge: bytesOf(String(options['challenge'])),
    user: { ...user, id: bytesOf(String(user['id'])) },
    excludeCredentials: descriptors(options['excludeCredentials']),
  } as unknown as PublicKeyCredentialCreationOptions;
}

function descriptors(list: unknown): PublicKeyCredentialDescriptor[] {
  if (!Array.isArray(list)) return [];
  return (list as Record<string, unknown>[]).map((item) => ({ ...item, id: bytesOf(String(item['id'])) }) as unknown as PublicKeyCredentialDescriptor);
}
