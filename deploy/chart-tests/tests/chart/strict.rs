//! Strict decoding: what a type does not take over, Kubernetes would drop or refuse.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Secret, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Decodes a manifest into its type. `Err` names each field that the type does not know.
pub(crate) fn decode(manifest: &Value) -> Result<(), String> {
    match (manifest["apiVersion"].as_str(), manifest["kind"].as_str()) {
        (Some("apps/v1"), Some("Deployment")) => into::<Deployment>(manifest),
        (Some("v1"), Some("Secret")) => into::<Secret>(manifest),
        (Some("v1"), Some("Service")) => into::<Service>(manifest),
        (Some("v1"), Some("ServiceAccount")) => into::<ServiceAccount>(manifest),
        (Some("rbac.authorization.k8s.io/v1"), Some("Role")) => into::<Role>(manifest),
        (Some("rbac.authorization.k8s.io/v1"), Some("RoleBinding")) => into::<RoleBinding>(manifest),
        (Some("networking.k8s.io/v1"), Some("NetworkPolicy")) => into::<NetworkPolicy>(manifest),
        (Some("policy/v1"), Some("PodDisruptionBudget")) => into::<PodDisruptionBudget>(manifest),
        (Some("monitoring.coreos.com/v1"), Some("PodMonitor")) => into::<PodMonitor>(manifest),
        (version, kind) => Err(format!("no type for {version:?} {kind:?}")),
    }
}

fn into<T: DeserializeOwned + Serialize>(manifest: &Value) -> Result<(), String> {
    let object: T = T::deserialize(manifest).map_err(|error| error.to_string())?;
    let taken = serde_json::to_value(object).map_err(|error| error.to_string())?;
    let mut lost = Vec::new();
    compare(manifest, &taken, "", &mut lost);
    if lost.is_empty() { Ok(()) } else { Err(lost.join("; ")) }
}

fn compare(given: &Value, taken: &Value, path: &str, lost: &mut Vec<String>) {
    match (given, taken) {
        (Value::Object(given), Value::Object(taken)) => {
            for (key, value) in given {
                let path = format!("{path}.{key}");
                match taken.get(key) {
                    Some(taken) => compare(value, taken, &path, lost),
                    None => lost.push(format!("{path} is unknown, or nothing")),
                }
            }
        }
        (Value::Array(given), Value::Array(taken)) if given.len() == taken.len() => {
            for (at, (given, taken)) in given.iter().zip(taken).enumerate() {
                compare(given, taken, &format!("{path}[{at}]"), lost);
            }
        }
        (given, taken) if given == taken => {}
        (given, taken) => lost.push(format!("{path} is {given}, taken as {taken}")),
    }
}

/// As far as the chart uses it. Source: prometheus-operator, `Documentation/api-reference/api.md` (v0.80),
/// monitoring.coreos.com/v1: `PodMonitor`, `PodMonitorSpec`, `PodMetricsEndpoint`, `RelabelConfig`.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PodMonitor {
    api_version: String,
    kind: String,
    metadata: ObjectMeta,
    spec: PodMonitorSpec,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PodMonitorSpec {
    selector: LabelSelector,
    pod_metrics_endpoints: Vec<PodMetricsEndpoint>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PodMetricsEndpoint {
    port: String,
    path: String,
    interval: String,
    relabelings: Vec<RelabelConfig>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RelabelConfig {
    target_label: String,
    replacement: String,
}
