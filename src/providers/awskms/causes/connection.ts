/** The way to KMS and KMS itself: no answer, an answer of something else, or "not now". */
import { hostOf, type KmsCall, pingUrl, withRegion } from '../call.ts'
import {
  AWS_PAGES,
  either,
  errno,
  type KmsCause,
  named,
  NODE_SOURCE,
  SDK_SOURCE,
  worded,
} from './cause.ts'

const NETWORK = 'ERR_NETWORK'
const OUTAGE = 'ERR_PROVIDER_UNAVAILABLE'
const NO_PROXY = 'or add the host to NO_PROXY'
const MIRROR = 'let the endpoint of the key reference be AWS KMS, or leave it out'

/** Not JSON: the SDK fails to parse it. */
const NOT_JSON = 'SyntaxError'
/** JSON or nothing, and no error of AWS in it. */
const NAMELESS = 'Unknown'

const toTest = (call: KmsCall): string => `curl -v ${pingUrl(call)}`

/** What keeps a request from KMS. Tried before what an answer states: these codes come from this machine. */
export const SOCKET_CAUSES: readonly KmsCause[] = [
  {
    id: 'proxy-login',
    layer: 'proxy',
    summary: 'the proxy asks for a login',
    code: NETWORK,
    source: NODE_SOURCE,
    matches: ({ errno: code, status }) => code === 'ERR_PROXY_TUNNEL' && status === 407,
    cure: () =>
      `give the login of the proxy in HTTPS_PROXY (http://USER:PASSWORD@HOST:PORT), ${NO_PROXY}`,
  },
  {
    id: 'proxy-forbids',
    layer: 'proxy',
    summary: 'the proxy does not allow the host',
    code: NETWORK,
    source: NODE_SOURCE,
    matches: ({ errno: code, status }) => code === 'ERR_PROXY_TUNNEL' && status === 403,
    cure: (call) => `have the proxy allow ${hostOf(call)}, ${NO_PROXY}`,
  },
  {
    id: 'proxy-fails',
    layer: 'proxy',
    summary: 'the proxy does not reach AWS',
    code: NETWORK,
    source: NODE_SOURCE,
    matches: errno('ERR_PROXY_TUNNEL'),
    cure: (call) => `see what the proxy says of it: ${toTest(call)}`,
  },
  {
    id: 'proxy-unreachable',
    layer: 'proxy',
    summary: 'the proxy itself is not reached',
    code: NETWORK,
    source: NODE_SOURCE,
    matches: (failure, call) =>
      call.proxy !== undefined &&
      errno('ENOTFOUND', 'EAI_AGAIN', 'ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH')(failure, call),
    cure: ({ proxy = '' }) =>
      `correct HTTPS_PROXY, which is ${proxy}, or start that proxy, ${NO_PROXY}`,
  },
  {
    id: 'dns-unknown-host',
    layer: 'DNS',
    summary: 'there is no such host',
    code: NETWORK,
    source: NODE_SOURCE,
    matches: errno('ENOTFOUND'),
    cure: (call) =>
      `check the region and the endpoint of the key reference, and the resolver of this machine: getent hosts ${hostOf(call)}`,
  },
  {
    id: 'dns-no-answer',
    layer: 'DNS',
    summary: 'the resolver of this machine does not answer',
    code: NETWORK,
    source: NODE_SOURCE,
    matches: errno('EAI_AGAIN', 'EAI_FAIL'),
    cure: (call) =>
      `check the resolver of this machine (/etc/resolv.conf): getent hosts ${hostOf(call)}`,
  },
  {
    id: 'connection-refused',
    layer: 'network',
    summary: 'nothing listens at the address',
    code: NETWORK,
    source: NODE_SOURCE,
    matches: errno('ECONNREFUSED'),
    cure: (call) => `check the endpoint of the key reference and the firewall: ${toTest(call)}`,
  },
  {
    id: 'connection-cut',
    layer: 'network',
    summary: 'the connection was cut',
    code: NETWORK,
    source: NODE_SOURCE,
    matches: errno('ECONNRESET', 'EPIPE', 'ECONNABORTED'),
    cure: (call) =>
      `try again; if it stays, a firewall or proxy on the way cuts it: ${toTest(call)}`,
  },
  {
    id: 'no-route',
    layer: 'network',
    summary: 'this machine has no route to the address',
    code: NETWORK,
    source: NODE_SOURCE,
    matches: errno('EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL'),
    cure: (call) =>
      `connect this machine to the internet or a VPC endpoint for KMS: ip route get $(dig +short ${hostOf(call)} | head -1)`,
  },
  {
    id: 'tls-unknown-authority',
    layer: 'TLS',
    summary:
      'the certificate is from an authority that this machine does not trust: an inspecting proxy, or not AWS',
    code: NETWORK,
    source: NODE_SOURCE,
    matches: errno(
      'SELF_SIGNED_CERT_IN_CHAIN',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      'UNABLE_TO_GET_ISSUER_CERT',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    ),
    cure: () => 'if the authority is your own, set NODE_EXTRA_CA_CERTS to its PEM file',
  },
  {
    id: 'tls-wrong-name',
    layer: 'TLS',
    summary: 'the certificate is for another host',
    code: NETWORK,
    source: NODE_SOURCE,
    matches: errno('ERR_TLS_CERT_ALTNAME_INVALID'),
    cure: () =>
      'check the endpoint of the key reference: it must be a name in the certificate of the server (a VPC endpoint has one of its own); NODE_EXTRA_CA_CERTS does not help',
  },
  {
    id: 'tls-validity',
    layer: 'TLS',
    summary: 'the certificate has expired or is not valid yet',
    code: NETWORK,
    source: NODE_SOURCE,
    matches: errno('CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'),
    cure: () =>
      'set the clock of this machine, or have the certificate renewed (NODE_EXTRA_CA_CERTS does not help): timedatectl set-ntp true',
  },
  {
    id: 'tls-not-spoken',
    layer: 'TLS',
    summary: 'what answers does not speak TLS as AWS does',
    code: NETWORK,
    source: NODE_SOURCE,
    matches: either(errno('EPROTO'), ({ errno: code }) => /^ERR_(?:SSL|TLS)_/.test(code)),
    cure: () =>
      'check host and port of the endpoint in the key reference; behind a proxy that inspects TLS, set NODE_EXTRA_CA_CERTS to its authority',
  },
  {
    id: 'answer-timeout',
    layer: 'network',
    summary: 'the connection stands, and no answer came in time',
    code: 'ERR_TIMEOUT',
    source: SDK_SOURCE,
    matches: worded(/requestTimeout|socket timed? ?out/i, 'TimeoutError'),
    cure: (call) => `try again; if it stays, test the way to KMS: ${toTest(call)}`,
  },
  {
    id: 'connect-timeout',
    layer: 'network',
    summary: 'no connection came about in time: a firewall drops the packets',
    code: 'ERR_TIMEOUT',
    source: SDK_SOURCE,
    matches: either(errno('ETIMEDOUT'), named('TimeoutError')),
    cure: (call) =>
      `let the firewall or security group pass port 443 to KMS or its VPC endpoint: ${toTest(call)}`,
  },
]

/** What answers in place of KMS. */
const ENDPOINT_CAUSES: readonly KmsCause[] = [
  {
    id: 'gateway-down',
    layer: 'endpoint',
    summary: 'a gateway before KMS answers with an error of its own',
    code: OUTAGE,
    source: NODE_SOURCE,
    matches: ({ name, status }) => name === NOT_JSON && status >= 500 && status !== 511,
    cure: () => `try again; if it stays, ask the operator of the proxy or gateway, or ${MIRROR}`,
  },
  {
    id: 'captive-portal',
    layer: 'network',
    summary: 'a login page of the network answers in place of KMS',
    code: OUTAGE,
    source: NODE_SOURCE,
    matches: ({ name, status, text }) =>
      (name === NOT_JSON &&
        (status === 511 || (status === 200 && text.startsWith('Unexpected token')))) ||
      (name === NAMELESS && status >= 300 && status < 400),
    cure: (call) =>
      `log in to the network with a browser, then see that this is no web page: ${toTest(call)}`,
  },
  {
    id: 'answer-cut',
    layer: 'endpoint',
    summary: 'the answer ended halfway',
    code: OUTAGE,
    source: NODE_SOURCE,
    matches: ({ name, status }) => name === NOT_JSON && status === 200,
    cure: (call) => `try again; if it stays, a proxy on the way cuts answers: ${toTest(call)}`,
  },
  {
    id: 'endpoint-not-kms',
    layer: 'endpoint',
    summary: 'what answers is not AWS KMS',
    code: OUTAGE,
    source: NODE_SOURCE,
    matches: ({ name, status }) =>
      ['UnknownOperationException', 'InvalidAction'].includes(name) ||
      ([NOT_JSON, NAMELESS].includes(name) && status >= 400 && status < 500 && status !== 429),
    cure: (call) => `${MIRROR}: ${toTest(call)}`,
  },
]

/** KMS answers: not now. */
const SERVICE_CAUSES: readonly KmsCause[] = [
  {
    id: 'resource-quota',
    layer: 'quota',
    summary: 'the account has as many keys, aliases or grants as its quota allows',
    code: 'ERR_THROTTLED',
    source: AWS_PAGES.quotas,
    matches: named('LimitExceededException'),
    cure: (call) =>
      `delete what is not needed, or raise the quota: ${withRegion('aws service-quotas list-service-quotas --service-code kms', call)}`,
  },
  {
    id: 'throttled',
    layer: 'quota',
    summary: 'the account uses up its request quota of KMS, which all its keys share',
    code: 'ERR_THROTTLED',
    source: AWS_PAGES.throttling,
    matches: either(
      named('ThrottlingException', 'Throttling', 'TooManyRequestsException'),
      ({ status }) => status === 429,
    ),
    cure: (call) =>
      `try again later, or raise the quota of the KMS request rate: ${withRegion('aws service-quotas list-service-quotas --service-code kms', call)}`,
  },
  {
    id: 'key-unavailable',
    layer: 'AWS KMS',
    summary: 'KMS has the key, but not available right now',
    code: OUTAGE,
    source: AWS_PAGES.sign,
    matches: named('KeyUnavailableException'),
    cure: () =>
      'try again; a key that was just created or replicated needs some seconds; else see https://health.aws.amazon.com',
  },
  {
    id: 'dependency-timeout',
    layer: 'AWS KMS',
    summary: 'a service that KMS depends on did not answer in time',
    code: OUTAGE,
    source: AWS_PAGES.sign,
    matches: named('DependencyTimeoutException'),
    cure: () => 'try again; if it stays, see https://health.aws.amazon.com',
  },
  {
    id: 'kms-outage',
    layer: 'AWS KMS',
    summary: 'KMS failed',
    code: OUTAGE,
    source: AWS_PAGES.sign,
    matches: either(
      named('KMSInternalException', 'InternalFailure', 'ServiceUnavailableException'),
      ({ status }) => status >= 500,
    ),
    cure: () => 'try again; if it stays, see https://health.aws.amazon.com',
  },
]

/** All that may come from the other end. */
export const ANSWER_CAUSES: readonly KmsCause[] = [...ENDPOINT_CAUSES, ...SERVICE_CAUSES]

/** A connection that failed in a way that no row has. */
export const CONNECTION_FAILED: KmsCause = {
  id: 'connection-failed',
  layer: 'network',
  summary: 'the connection failed',
  code: NETWORK,
  source: NODE_SOURCE,
  matches: ({ errno: code }) => code !== '',
  cure: (call) =>
    `perhaps over its certificate (NODE_EXTRA_CA_CERTS adds a private authority): ${toTest(call)}`,
}

/** Nothing that is known. */
export const UNKNOWN_ANSWER: KmsCause = {
  id: 'unknown-answer',
  layer: 'AWS KMS',
  summary: 'KMS gave an answer that countersign does not know',
  code: 'ERR_INTERNAL',
  source: AWS_PAGES.commonErrors,
  matches: () => true,
  cure: () => 'please report it, with the message',
}
