/** A private key that signs; asynchronous, so that the key may live in another process or device. */
export interface Signer {
  /** The {@link keyId} of the public key. */
  readonly keyId: string;
  /** PEM, SubjectPublicKeyInfo. */
  readonly publicKeyPem: string;
  /** The 64 bytes of the Ed25519 signature (RFC 8032) over the message. Rejects with whatever the key's keeper says. */
  sign(message: Uint8Array): Promise<Uint8Array>;
}

/** An Ed25519 implementation that verifies. */
export interface Verifier {
  /**
   * Whether the signature is good, by RFC 8032 with S below the group's order; never rejects for what a signature contains.
   *
   * @param publicKey 32 bytes
   */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean>;
}
