/**
 * What is used of the SPIFFE Workload API's published service definition (workloadapi.proto: X.509-SVID profile), in the form
 * that the protocol library reads without a file: the image has none.
 */

/** DER throughout; empty where the field was not sent. */
export interface X509Svid {
  readonly spiffe_id: string;
  /** Leaf first, then intermediates. */
  readonly x509_svid: Buffer;
  /** PKCS#8, unencrypted. */
  readonly x509_svid_key: Buffer;
  readonly bundle: Buffer;
}

/** Complete: what is not in it is withdrawn (SPIFFE Workload API section 4.4). */
export interface X509SvidResponse {
  /** The first is the default identity (section 5.3). */
  readonly svids: readonly X509Svid[];
  readonly crl: readonly Buffer[];
  /** Bundles by the SPIFFE ID of their trust domain. */
  readonly federated_bundles: Readonly<Record<string, Buffer>>;
}

export const WORKLOAD_API = {
  nested: {
    SpiffeWorkloadAPI: {
      methods: {
        FetchX509SVID: {
          requestType: "X509SVIDRequest",
          responseType: "X509SVIDResponse",
          responseStream: true,
          comment: "",
        },
      },
    },
    X509SVIDRequest: { fields: {} },
    X509SVIDResponse: {
      fields: {
        svids: { rule: "repeated", type: "X509SVID", id: 1 },
        crl: { rule: "repeated", type: "bytes", id: 2 },
        federated_bundles: { keyType: "string", type: "bytes", id: 3 },
      },
    },
    X509SVID: {
      fields: {
        spiffe_id: { type: "string", id: 1 },
        x509_svid: { type: "bytes", id: 2 },
        x509_svid_key: { type: "bytes", id: 3 },
        bundle: { type: "bytes", id: 4 },
      },
    },
  },
};
