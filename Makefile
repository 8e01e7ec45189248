.SILENT:
.PHONY: help build provision deploy check-leader destroy
.DEFAULT_GOAL := help

## This help screen
help:
	printf 'Available targets:\n\n'
	awk '/^## / { said = substr($$0, 4) } \
	  /^[a-z-]+:/ { if (said) printf "%-15s %s\n", substr($$1, 1, index($$1, ":") - 1), said; said = "" }' Makefile

## Build the container image with the local Docker; no registry is needed
build:
	deploy/clusters.sh build

## Create 3 virtual clusters in a kind cluster called leader-elector
provision:
	deploy/clusters.sh provision

## Deploy a candidate to each virtual cluster, provisioning what is missing
deploy:
	deploy/clusters.sh deploy

## Show the logs of all candidates, and who leads
check-leader:
	deploy/clusters.sh check-leader

## Delete the kind cluster with everything in it
destroy:
	deploy/clusters.sh destroy
