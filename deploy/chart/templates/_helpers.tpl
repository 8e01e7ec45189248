{{- define "leader-elector.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "leader-elector.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "leader-elector.labels" -}}
{{ include "leader-elector.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "leader-elector.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "leader-elector.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- define "leader-elector.secret" -}}
{{- .Values.existingSecret | default (include "leader-elector.fullname" .) -}}
{{- end -}}

{{/*
The `job` of the figures: the same for all candidates of an election, whatever their releases are called, or the alerts
would miss a leader in each cluster but one. A gist is its id or its address; of an id, which is all that it takes to read a
secret gist, only so much is told as keeps elections apart.
*/}}
{{- define "leader-elector.job" -}}
{{- if .Values.podMonitor.job -}}
{{- .Values.podMonitor.job -}}
{{- else -}}
{{- $address := regexReplaceAll "/*([#?].*)?$" .Values.gist "" | trimSuffix ".git" -}}
{{- $id := regexReplaceAll "^.*[/:]" $address "" -}}
leader-election-{{ $id | trunc 8 }}
{{- if and .Values.file (ne .Values.file "multi-cluster-leader-election.lock") }}-{{ .Values.file }}{{ end -}}
{{- end -}}
{{- end -}}

{{/* Milliseconds of a duration such as 1500ms, 30s or 2min; the schema lets nothing else through. */}}
{{- define "leader-elector.ms" -}}
{{- $number := regexFind "^[0-9]+" . | int64 -}}
{{- if hasSuffix "ms" . -}}{{ $number }}
{{- else if hasSuffix "s" . -}}{{ mul $number 1000 }}
{{- else -}}{{ mul $number 60000 }}
{{- end -}}
{{- end -}}

{{/*
How long an orderly end may take: the work is gone by the renew deadline at the latest, then a request that is still
under way and the release have their timeouts; two seconds for the rest. Beside a sidecar the workload ends first.
*/}}
{{- define "leader-elector.gracePeriod" -}}
{{- $deadline := include "leader-elector.ms" (.Values.timings.renewDeadline | default "20s") | int64 -}}
{{- $timeout := min 5000 (div $deadline 3) -}}
{{- if .Values.timings.requestTimeout -}}
{{- $timeout = include "leader-elector.ms" .Values.timings.requestTimeout | int64 -}}
{{- end -}}
{{- $seconds := div (add $deadline $timeout $timeout 2999) 1000 -}}
{{- if eq .Values.workload.mode "sidecar" -}}
{{- $seconds = add $seconds .Values.workload.terminationGracePeriodSeconds -}}
{{- end -}}
{{- $seconds -}}
{{- end -}}

{{/* The restricted Pod Security Standard, and a read-only root. */}}
{{- define "leader-elector.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* The flags of `run`, as a YAML list. */}}
{{- define "leader-elector.flags" -}}
- run
- --token-file=/var/run/secrets/leader-elector/token
- --write={{ .Values.write }}
{{- range $flag, $value := dict "lease" .Values.timings.lease "renew-deadline" .Values.timings.renewDeadline "renew-interval" .Values.timings.renewInterval "poll" .Values.timings.poll "settle" .Values.timings.settle "stop-grace" .Values.timings.stopGrace "request-timeout" .Values.timings.requestTimeout "file" .Values.file "api-url" .Values.apiUrl "git-url" .Values.gitUrl }}
{{- if $value }}
- --{{ $flag }}={{ $value }}
{{- end }}
{{- end }}
{{- if .Values.allowHttp }}
- --allow-http
{{- end }}
{{- if .Values.caConfigMap }}
- --ca-file=/etc/leader-elector/ca/{{ .Values.caConfigMapKey }}
{{- end }}
- --keep-trying
- --log={{ .Values.log.format }}
- --log-level={{ .Values.log.level }}
- --probe-addr=0.0.0.0:{{ .Values.ports.probes }}
{{- /* Alone there is nobody who would ask, nor say that his work has ended: with --http a stop would wait for it. */}}
{{- if ne .Values.workload.mode "none" }}
- --http=127.0.0.1:{{ .Values.ports.http }}
{{- end }}
{{- if eq .Values.workload.mode "sidecar" }}
- --release={{ .Values.workload.release }}
{{- else if eq .Values.workload.mode "exec" }}
- --on-exit={{ .Values.workload.onExit }}
- --kill-signal={{ .Values.workload.killSignal }}
{{- end }}
{{- if .Values.hints }}
- --kube
{{- end }}
{{- end -}}

{{- define "leader-elector.env" -}}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: POD_UID
  valueFrom:
    fieldRef:
      fieldPath: metadata.uid
- name: GIST_ID
  value: {{ required "gist is needed: --set gist=ID; `leader-elector init` makes one" .Values.gist | quote }}
- name: LEADER_NAME
  value: {{ if gt (int .Values.replicas) 1 }}{{ printf "%s.$(POD_NAME)" (.Values.name | default .Release.Name) | quote }}{{ else }}{{ .Values.name | default .Release.Name | quote }}{{ end }}
{{- end -}}

{{- define "leader-elector.mounts" -}}
- name: token
  mountPath: /var/run/secrets/leader-elector
  readOnly: true
{{- if .Values.caConfigMap }}
- name: ca
  mountPath: /etc/leader-elector/ca
  readOnly: true
{{- end }}
{{- end -}}

{{- define "leader-elector.probes" -}}
livenessProbe:
  httpGet:
    path: /healthz
    port: probes
  periodSeconds: 10
readinessProbe:
  httpGet:
    path: /readyz
    port: probes
  periodSeconds: 5
{{- end -}}

{{- define "leader-elector.ports" -}}
- name: probes
  containerPort: {{ .Values.ports.probes }}
{{- end -}}

{{/* The elector in its own image. */}}
{{- define "leader-elector.container" -}}
name: leader-elector
image: {{ .Values.image | quote }}
imagePullPolicy: {{ .Values.imagePullPolicy }}
args:
  {{- include "leader-elector.flags" . | nindent 2 }}
env:
  {{- include "leader-elector.env" . | nindent 2 }}
ports:
  {{- include "leader-elector.ports" . | nindent 2 }}
{{ include "leader-elector.probes" . }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
securityContext:
  {{- include "leader-elector.securityContext" . | nindent 2 }}
volumeMounts:
  {{- include "leader-elector.mounts" . | nindent 2 }}
{{- end -}}

{{/* The workload's own fields, but for those that are made here. */}}
{{- define "leader-elector.workloadRest" -}}
{{- $rest := omit .Values.workload.container "name" "image" "command" "args" "env" "ports" "volumeMounts" "securityContext" -}}
{{- if $rest }}
{{ toYaml $rest }}
{{- end }}
securityContext:
  {{- $ours := include "leader-elector.securityContext" . | fromYaml }}
  {{- toYaml (mergeOverwrite $ours (.Values.workload.container.securityContext | default dict)) | nindent 2 }}
{{- end -}}
