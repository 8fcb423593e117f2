/**
 * The Cedar schema that policies are written against; docs/design/access.md explains it. A constant of
 * the code, so that it is there however countersign is packed.
 *
 * @packageDocumentation
 */

/**
 * Claims of CI systems that are attributes of a Caller, by the names their issuers give them: GitHub
 * Actions and GitLab CI.
 */
export const CLAIM_ATTRIBUTES: readonly string[] = [
  // GitHub Actions.
  'actor',
  'actor_id',
  'base_ref',
  'check_run_id',
  'enterprise',
  'enterprise_id',
  'environment',
  'event_name',
  'head_ref',
  'job_workflow_ref',
  'job_workflow_sha',
  'ref',
  'ref_protected',
  'ref_type',
  'repository',
  'repository_id',
  'repository_owner',
  'repository_owner_id',
  'repository_visibility',
  'run_attempt',
  'run_id',
  'run_number',
  'runner_environment',
  'sha',
  'workflow',
  'workflow_ref',
  'workflow_sha',
  // GitLab CI, where it has a name of its own.
  'ci_config_ref_uri',
  'ci_config_sha',
  'deployment_tier',
  'environment_protected',
  'job_id',
  'namespace_id',
  'namespace_path',
  'pipeline_id',
  'pipeline_source',
  'project_id',
  'project_path',
  'project_visibility',
  'ref_path',
  'user_access_level',
  'user_email',
  'user_id',
  'user_login',
  // OpenID Connect.
  'azp',
  'client_id',
  'email',
]

const TEMPLATE = `// An issuer of identity tokens, by its exact address; "static" for development tokens.
entity Issuer;

// Who calls, by "<issuer> <subject>". A claim that is not a text is no attribute. Tags: every claim that is a text.
entity Caller in [Issuer] {
  kind: String,
  issuer: String,
  subject: String,
  groups?: Set<String>,
  kubernetes?: {
    namespace: String,
    serviceAccount?: String,
    serviceAccountUid?: String,
    pod?: String,
    node?: String,
  },
  /*CLAIMS*/
} tags String;

entity Key {
  name: String,
  use: String,
  algorithm: String,
};

// Claims that a token is to have; a claim that is not a text is its JSON. Tags: the claims.
entity Claims tags String;

// Annotations that a signature is to have. Tags: the annotations.
entity Annotations {
  names: Set<String>,
} tags String;

type Subject = {
  name: String,
  digests: Set<String>,
};

// Groups: action in Action::"signing".
action signing, administration, reading;

// Asked once for each subject, with its annotations; all must be permitted. With a key whose use is "digest" the
// action is signDigest: the digest is the caller's, and what is signed can mean anything.
action sign, signDigest in [signing] appliesTo {
  principal: Caller,
  resource: Key,
  context: { subject: Subject, annotations: Annotations },
};

// Asked once for each subject and predicate type; all must be permitted.
action attest in [signing] appliesTo {
  principal: Caller,
  resource: Key,
  context: { subject: Subject, predicateType: String, provenance: Bool },
};

// Asked once for each audience; all must be permitted.
action issueToken in [signing] appliesTo {
  principal: Caller,
  resource: Key,
  context: { audience: String, lifetimeSeconds: Long, claims: Claims },
};

action createKey, importKey, rotateKey, activateKey, relocateKey, retireKey, revokeKey, destroyKey
  in [administration] appliesTo {
  principal: Caller,
  resource: Key,
  context: { forced: Bool },
};

// approvedAction is the name of the action that is approved: "revokeKey".
action approve appliesTo {
  principal: Caller,
  resource: Key,
  context: { approvedAction: String },
};

action readKeys in [reading] appliesTo {
  principal: Caller,
  resource: Key,
  context: {},
};

// The whole audit log: who did what with every key. Asked about the key that signs it, whose use is "audit".
action readLog appliesTo {
  principal: Caller,
  resource: Key,
  context: {},
};
`

const claimAttributes = CLAIM_ATTRIBUTES.map((name) => `${name}?: String,`).join('\n  ')

/** The schema, in Cedar's own language. */
export const CEDAR_SCHEMA: string = TEMPLATE.replace('/*CLAIMS*/', claimAttributes)
