/** A private key that signs; asynchronous, so that the key may live in another process or device. */
export interface Signer {
  /** The {@link keyId} of the public key. */
  readonly keyId: string;
  /** PEM, SubjectPublicKeyInfo. */
  readonly publicKeyPem: string;
  /** The 64 bytes of the Ed25519 signature (RFC 8032) over the message. Rejects with the error of the device or process that signs. */
  sign(message: Uint8Array): Promise<Uint8Array>;
}

/** An Ed25519 implementation that verifies. */
export interface Verifier {
  /**
   * Whether the signature is valid by RFC 8032, with S below the order of the group; never rejects because of a signature's content.
   *
   * @param publicKey 32 bytes
   */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean>;
}
