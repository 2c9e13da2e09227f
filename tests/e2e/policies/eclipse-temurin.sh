# Java: it runs and knows its modules.
# Sourced by policies-serve.sh.
# shellcheck shell=bash disable=SC2154

# Two of Java's libraries need what the image does not have.
try_eclipse-temurin()
{
	local warnings=2
	pulled eclipse-temurin 21-jre
	has 'java: it runs' "$(dock run --rm "${least[@]}" \
	    "$proxy/eclipse-temurin:21-jre" 2>&1)" 'openjdk version "21'
	has 'java: its modules' "$(dock run --rm "${least[@]}" \
	    "$proxy/eclipse-temurin:21-jre" java --list-modules)" 'java.sql@21'
}
