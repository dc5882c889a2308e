#!/usr/bin/env bash
# Install a real Home Assistant for the tests: install.sh VERSION [DIR]
#
# VERSION is 2024.3 (needs Python 3.11) or 2025.4 (needs Python 3.13); DIR defaults to where the tests look for it.
# Only this script reaches a package index: the tests start Home Assistant with --skip-pip on 127.0.0.1.
set -euo pipefail

version=${1:?usage: install.sh VERSION [DIR]}
dir=${2:-${XDG_CACHE_HOME:-$HOME/.cache}/ha-ai-tests/homeassistant-$version}

# 2024.3 loads every platform of MQTT, the camera's too; later josepy and pycares lack names that it imports.
case $version in
2024.3) release=2024.3.3 python=3.11 additions="camera stream" bounds=('josepy<2' 'pycares<4.5') ;;
2025.4) release=2025.4.4 python=3.13 additions="" bounds=() ;;
*) echo "install.sh: no recipe for Home Assistant $version; there are 2024.3 and 2025.4" >&2 && exit 2 ;;
esac

# Everything that Home Assistant sets up by itself, and what the tests' configuration adds.
components="application_credentials automation backup config counter frontend hardware history
  image_upload input_boolean input_button input_datetime input_number input_select input_text logbook logger
  mqtt mqtt_eventstream mqtt_statestream network onboarding person recorder scene schedule script
  system_health tag timer trace webhook zone $additions"
recipe="$release ${bounds[*]} $(echo $components)"

if [[ -f $dir/recipe && $(<"$dir/recipe") == "$recipe" && $("$dir/bin/hass" --version) == "$release" ]]; then
  echo "Home Assistant $release stands in $dir"
  exit
fi

find_python() {
  local candidate
  for candidate in "python$python" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$python".*/bin/python; do
    # A pyenv shim is found but fails when that version is not the selected one.
    if "$candidate" -c 'import venv' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  echo "install.sh: Home Assistant $version needs Python $python, which is neither on PATH nor in pyenv" >&2
  return 1
}

requirements_of() { # the requirements in the manifests of the components and of all that they depend on
  "$dir/bin/python" - "$@" <<'PYTHON'
import importlib.util, json, pathlib, sys
root = pathlib.Path(importlib.util.find_spec("homeassistant").origin).parent / "components"
waiting, seen = sys.argv[1:], {}
while waiting:
    if (domain := waiting.pop()) not in seen:
        seen[domain] = json.loads((root / domain / "manifest.json").read_text())
        waiting += seen[domain].get("dependencies", [])
print(*sorted({line for manifest in seen.values() for line in manifest.get("requirements", [])}), sep="\n")
PYTHON
}

interpreter=$(find_python)
"$interpreter" -m venv --clear "$dir"
"$dir/bin/python" -m pip install --quiet --disable-pip-version-check uv
install() { "$dir/bin/uv" pip install --quiet --compile-bytecode --python "$dir/bin/python" "$@"; }
install "homeassistant==$release"
constraints=$(echo "$dir"/lib/python*/site-packages/homeassistant/package_constraints.txt)
requirements_of $components > "$dir/requirements.txt"
install --constraint "$constraints" --requirement "$dir/requirements.txt" "${bounds[@]}"
"$dir/bin/hass" --version
echo "$recipe" > "$dir/recipe"
