#!/usr/bin/env bash
# Three candidates in three virtual clusters, which live in one kind cluster. Written for bash 3.2 and later.
set -euo pipefail

HERE=$(cd "$(dirname "$0")" && pwd)
CLUSTERS="napoleon stalin cleopatra"
KIND_CLUSTER=${KIND_CLUSTER:-leader-elector}
CONTEXT=kind-$KIND_CLUSTER
IMAGE=${IMAGE:-leader-elector:0.1.0}
# What one step may take, in seconds: the first one pulls kind's node image.
STEP_TIMEOUT=${STEP_TIMEOUT:-600}
# What one look into a cluster may take.
LOOK_TIMEOUT=${LOOK_TIMEOUT:-30}
# What a person reads first where something that is needed is not there.
CANNOT="kind cannot run here"
TOKEN_FILE=/var/run/secrets/leader-elector/token

usage() {
  cat <<END
Three candidates in three virtual clusters (napoleon, stalin, cleopatra) in one kind cluster.

Usage: deploy/clusters.sh build|provision|deploy|check-leader|destroy

  build         build the image with the local Docker; no registry is needed
  provision     create the kind cluster and the virtual clusters, as far as they are missing
  deploy        provision, then deploy a candidate to each (needs GIST_ID and GITHUB_API_TOKEN)
  check-leader  print the logs of all candidates, and who leads
  destroy       delete the kind cluster with everything in it

Environment:
  GIST_ID           the gist that holds the lock: leader-elector init makes one
  GITHUB_API_TOKEN  a token with the scope gist
  KIND_CLUSTER      the kind cluster [$KIND_CLUSTER]
  IMAGE             the image [$IMAGE]
  STEP_TIMEOUT      seconds that one step may take [$STEP_TIMEOUT]
  LOOK_TIMEOUT      seconds that one look into a cluster may take [$LOOK_TIMEOUT]
END
}

build() {
  CANNOT="the image cannot be built here"
  need docker cargo
  docker_answers
  (cd "$HERE/.." && cargo xtask image --engine docker --tag "$IMAGE")
}

provision() {
  need docker kind kubectl vcluster timeout
  docker_answers
  at_least kind 0.20.0 "$(kind version 2>/dev/null || true)"
  at_least vcluster 0.20.0 "$(vcluster --version 2>/dev/null || true)"
  if kind_cluster_exists; then
    step kubectl --context "$CONTEXT" get --raw /readyz >/dev/null ||
      die "the kind cluster $KIND_CLUSTER exists and does not answer: make destroy, then again"
  else
    echo "creating the kind cluster $KIND_CLUSTER"
    step kind create cluster --name "$KIND_CLUSTER" --wait 120s ||
      die "kind could not create the cluster. It pulls its node image from Docker Hub (no account is needed): is that reachable?"
  fi
  for cluster in $CLUSTERS; do
    echo "creating the virtual cluster $cluster, or keeping it"
    step vcluster create "$cluster" --namespace "$cluster" --context "$CONTEXT" --upgrade --connect=false ||
      die "the virtual cluster $cluster could not be created; look: kubectl --context $CONTEXT -n $cluster get pods,events"
  done
}

deploy() {
  need docker kind kubectl vcluster helm timeout
  # First, because no setting mends it.
  docker_answers
  at_least helm 3.10.0 "$(helm version --short 2>/dev/null || true)"
  # The name that the original read it from goes as well.
  local token=${GITHUB_API_TOKEN:-${LEADER_ELECTION_GITHUB_API_TOKEN:-}} id
  [ -n "${GIST_ID:-}" ] || die "GIST_ID is not set: leader-elector init makes a gist, and prints it"
  [ -n "$token" ] || die "GITHUB_API_TOKEN is not set: a classic token with the scope gist, and no other"
  id=$(docker image inspect --format '{{.Id}}' "$IMAGE" 2>/dev/null) || die "the image $IMAGE is not here: make build"
  provision
  echo "loading $IMAGE into the kind cluster"
  step kind load docker-image "$IMAGE" --name "$KIND_CLUSTER" || die "kind could not load $IMAGE"
  # In a file of our own: arguments are seen by everybody.
  SECRET=$(umask 077 && mktemp)
  trap 'rm -f "$SECRET"' EXIT
  printf %s "$token" >"$SECRET"
  for cluster in $CLUSTERS; do
    echo "deploying to $cluster"
    # An image that was built anew under the same name is a new annotation, and so a new pod.
    step inside "$cluster" helm upgrade --install leader-elector "$HERE/chart" --wait --timeout "${STEP_TIMEOUT}s" \
      --set-string "image=$IMAGE,gist=$GIST_ID,name=$cluster,podAnnotations.image-id=$id" \
      --set log.format=text --set-file "token=$SECRET" ||
      die "the candidate in $cluster does not get ready; look: make check-leader"
  done
  echo "deployed; who leads: make check-leader"
}

check_leader() {
  need kind kubectl vcluster timeout
  kind_cluster_exists || die "there is no kind cluster $KIND_CLUSTER: make deploy"
  local said leader='' answered=no code
  for cluster in $CLUSTERS; do
    printf '%s\n%s logs\n%s\n' --------------- "$cluster" ---------------
    look inside "$cluster" kubectl logs deployment/leader-elector --container leader-elector 2>&1 || true
    echo
  done
  # Any candidate can tell; the first that answers does.
  for cluster in $CLUSTERS; do
    code=0
    said=$(look inside "$cluster" kubectl exec deployment/leader-elector --container leader-elector -- \
      leader-elector status --token-file "$TOKEN_FILE" 2>/dev/null) || code=$?
    # 1 is also what a failed kubectl ends with.
    case $code:$said in
    0:state* | 1:state*) ;;
    *) continue ;;
    esac
    answered=yes
    if [ "$code" = 0 ]; then leader=$(printf '%s\n' "$said" | sed -n 's/^leader  *//p'); fi
    break
  done
  [ "$answered" = yes ] || die "who leads is unknown: no candidate answers"
  if [ -z "$leader" ]; then
    echo "nobody leads"
    return 1
  fi
  echo "$leader leads"
}

destroy() {
  need kind timeout
  if kind_cluster_exists; then
    step kind delete cluster --name "$KIND_CLUSTER" || die "kind could not delete the cluster $KIND_CLUSTER"
  else
    echo "there is no kind cluster $KIND_CLUSTER: nothing to delete"
  fi
}

# A command that may take STEP_TIMEOUT, and says so if it took longer.
step() {
  bounded "$STEP_TIMEOUT" "$@"
}

# One that looks, and may take LOOK_TIMEOUT.
look() {
  bounded "$LOOK_TIMEOUT" "$@"
}

# Ends the step that runs, and this script. `timeout` leads a group of its own, and in its first moment does not know yet
# whom it has started.
end_step() {
  local job
  for job in $(jobs -p); do
    kill -- "-$job" "$job" 2>/dev/null || true
  done
  exit 130
}

# `bounded 30 inside napoleon kubectl …` runs kubectl with that virtual cluster as its Kubernetes.
bounded() {
  local seconds=$1 code=0
  shift
  if [ "$1" = inside ]; then
    local cluster=$2
    shift 2
    set -- vcluster connect "$cluster" --namespace "$cluster" --context "$CONTEXT" --silent --background-proxy=false \
      -- "$@"
  fi
  # In the background, so that Ctrl-C is heard at once; heard before it starts, so that it never runs on by itself.
  trap end_step INT TERM
  timeout --kill-after=5 "$seconds" "$@" &
  wait "$!" || code=$?
  if [ "$code" = 124 ] || [ "$code" = 137 ]; then
    echo "error: timed out after $seconds s: $*" >&2
  fi
  return "$code"
}

kind_cluster_exists() {
  local all
  all=$(bounded "$LOOK_TIMEOUT" kind get clusters) || die "kind cannot list its clusters; is Docker running?"
  printf '%s\n' "$all" | grep -qx -e "$KIND_CLUSTER"
}

docker_answers() {
  local why
  why=$(bounded "$LOOK_TIMEOUT" docker info 2>&1) ||
    die "$CANNOT, Docker does not answer: $(printf '%s\n' "$why" | tail -n 1)"
}

# Names everything that is missing at once.
need() {
  local tool missing=''
  for tool in "$@"; do
    command -v "$tool" >/dev/null || missing="$missing
  $tool: $(where_from "$tool")"
  done
  [ -z "$missing" ] || die "$CANNOT, this is not installed:$missing"
}

where_from() {
  case $1 in
  docker) echo "https://docs.docker.com/engine/install (Debian: apt-get install docker.io)" ;;
  kind) echo "https://kind.sigs.k8s.io/docs/user/quick-start" ;;
  kubectl) echo "https://kubernetes.io/docs/tasks/tools" ;;
  vcluster) echo "https://www.vcluster.com/docs (at least 0.20)" ;;
  helm) echo "https://helm.sh/docs/intro/install (at least 3.10)" ;;
  cargo) echo "https://rustup.rs" ;;
  timeout) echo "GNU coreutils (macOS: brew install coreutils)" ;;
  esac
}

# `at_least helm 3.10.0 TEXT`: the first version in TEXT is this one or a later one.
at_least() {
  local found
  found=$(printf '%s\n' "$3" | sed -n 's/^[^0-9]*\([0-9][0-9]*\.[0-9][0-9]*\.[0-9][0-9]*\).*/\1/p' | sed -n 1p)
  [ -n "$found" ] || die "$1 does not tell its version (it said: $3); at least $2 is needed"
  printf '%s\n%s\n' "$2" "$found" | sort -C -t. -k1,1n -k2,2n -k3,3n ||
    die "$1 is version $found; at least $2 is needed: $(where_from "$1")"
}

die() {
  printf 'error: %s\n' "$1" >&2
  exit 1
}

case ${1:-} in
build | provision | deploy | destroy) "$1" ;;
check-leader) check_leader ;;
-h | --help | help | '') usage ;;
*)
  usage >&2
  printf '\nerror: %s is no command\n' "$1" >&2
  exit 2
  ;;
esac
