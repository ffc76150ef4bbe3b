/**
 * Envoy as Open Service Mesh shapes it for an IngressBackend: a network filter judges the address of the peer, an HTTP filter
 * its principal. JSON, which Envoy reads as well as YAML.
 */
import { CLIENT_NAME } from "../certificates.ts";
import type { Place } from "./contender.ts";

export type EnvoyForm = "http" | "http-log" | "tcp";

const api = (type: string): string => `type.googleapis.com/envoy.${type}`;
const rules = (name: string, principals: readonly object[]): object => ({
  action: "ALLOW",
  policies: { [name]: { permissions: [{ any: true }], principals } },
});

const byAddress = {
  name: "envoy.filters.network.rbac",
  typed_config: {
    "@type": api("extensions.filters.network.rbac.v3.RBAC"),
    stat_prefix: "address",
    rules: rules("gateway", [{ direct_remote_ip: { address_prefix: "127.0.0.1", prefix_len: 32 } }]),
  },
};

const principal = (mutual: boolean): object =>
  mutual ? { authenticated: { principal_name: { exact: CLIENT_NAME } } } : { any: true };

/** The fields that OSM logs of a request. */
const ACCESS_LOG = {
  name: "envoy.access_loggers.stdout",
  typed_config: {
    "@type": api("extensions.access_loggers.stream.v3.StdoutAccessLog"),
    log_format: {
      json_format: Object.fromEntries(
        Object.entries({
          start_time: "START_TIME",
          method: "REQ(:METHOD)",
          path: "REQ(X-ENVOY-ORIGINAL-PATH?:PATH)",
          protocol: "PROTOCOL",
          response_code: "RESPONSE_CODE",
          response_code_details: "RESPONSE_CODE_DETAILS",
          time_to_first_byte: "RESPONSE_DURATION",
          upstream_cluster: "UPSTREAM_CLUSTER",
          response_flags: "RESPONSE_FLAGS",
          bytes_received: "BYTES_RECEIVED",
          bytes_sent: "BYTES_SENT",
          duration: "DURATION",
          upstream_service_time: "RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)",
          x_forwarded_for: "REQ(X-FORWARDED-FOR)",
          user_agent: "REQ(USER-AGENT)",
          request_id: "REQ(X-REQUEST-ID)",
          requested_server_name: "REQUESTED_SERVER_NAME",
          authority: "REQ(:AUTHORITY)",
          upstream_host: "UPSTREAM_HOST",
        }).map(([field, operator]) => [field, `%${operator}%`]),
      ),
    },
  },
};

function httpFilters(mutual: boolean, log: boolean): readonly object[] {
  const manager = {
    "@type": api("extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"),
    stat_prefix: "ingress",
    codec_type: "AUTO",
    access_log: log ? [ACCESS_LOG] : [],
    forward_client_cert_details: "SANITIZE_SET",
    set_current_client_cert_details: { dns: true, uri: true },
    route_config: {
      virtual_hosts: [
        { name: "app", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "app", timeout: "0s" } }] },
      ],
    },
    http_filters: [
      {
        name: "envoy.filters.http.rbac",
        typed_config: {
          "@type": api("extensions.filters.http.rbac.v3.RBAC"),
          rules: rules("principal", [principal(mutual)]),
        },
      },
      {
        name: "envoy.filters.http.router",
        typed_config: { "@type": api("extensions.filters.http.router.v3.Router") },
      },
    ],
  };
  return [byAddress, { name: "envoy.filters.network.http_connection_manager", typed_config: manager }];
}

function tcpFilters(mutual: boolean): readonly object[] {
  const byPrincipal = {
    name: "principal",
    typed_config: {
      "@type": api("extensions.filters.network.rbac.v3.RBAC"),
      stat_prefix: "principal",
      rules: rules("principal", [principal(mutual)]),
    },
  };
  const proxy = {
    "@type": api("extensions.filters.network.tcp_proxy.v3.TcpProxy"),
    stat_prefix: "app",
    cluster: "app",
  };
  return [byAddress, byPrincipal, { name: "envoy.filters.network.tcp_proxy", typed_config: proxy }];
}

function listener(form: EnvoyForm, mutual: boolean, { certificates, ports }: Place): object {
  const port = mutual ? ports.mutual : ports.serverOnly;
  const certificate = {
    certificate_chain: { filename: certificates.serverCert },
    private_key: { filename: certificates.serverKey },
  };
  const tls = {
    "@type": api("extensions.transport_sockets.tls.v3.DownstreamTlsContext"),
    require_client_certificate: mutual,
    common_tls_context: {
      tls_certificates: [certificate],
      ...(form !== "tcp" && { alpn_protocols: ["h2", "http/1.1"] }),
      ...(mutual && { validation_context: { trusted_ca: { filename: certificates.ca } } }),
    },
  };
  return {
    name: mutual ? "mutual" : "server-only",
    address: { socket_address: { address: "127.0.0.1", port_value: port } },
    filter_chains: [
      {
        transport_socket: { name: "envoy.transport_sockets.tls", typed_config: tls },
        filters: form === "tcp" ? tcpFilters(mutual) : httpFilters(mutual, form === "http-log"),
      },
    ],
  };
}

export function envoyConfig(form: EnvoyForm, place: Place): object {
  const address = { socket_address: { address: "127.0.0.1", port_value: place.appPort } };
  const endpoints = [{ lb_endpoints: [{ endpoint: { address } }] }];
  return {
    static_resources: {
      listeners: [listener(form, false, place), listener(form, true, place)],
      clusters: [
        {
          name: "app",
          type: "STATIC",
          load_assignment: { cluster_name: "app", endpoints },
        },
      ],
    },
  };
}
