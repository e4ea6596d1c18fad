# Read by scripts that fetch packages of another release or architecture than the machine's: apt with sources, lists and a state of its own, so that
# of the machine's nothing is changed. They say with left_out what cannot be had.
# apart_from FOLDER RELEASE ARCHITECTURE fills the array "apart" with apt's options.
apart_from() {
    local keyring=/usr/share/keyrings/debian-archive-keyring.gpg mirror
    [ -e "$keyring" ] || left_out "there is no $keyring to check packages with (apt-get install debian-archive-keyring)"
    # From where the machine has its own packages.
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -n 1)
    [ -n "$mirror" ] || left_out "apt has no source of packages"
    mkdir -p "$1"/lists/partial "$1"/cache/archives/partial
    touch "$1/status"
    echo "deb [arch=$3 signed-by=$keyring] $mirror $2 main" >"$1/sources.list"
    apart=(-o Dir::Etc::SourceList="$1/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$1/lists" -o Dir::Cache="$1/cache"
        -o Dir::State::status="$1/status" -o APT::Sandbox::User=root -o APT::Architecture="$3" -o APT::Architectures::="$3")
    timeout 300 apt-get "${apart[@]}" update -qq >"$1/apt.log" 2>&1 || { tail -n 3 "$1/apt.log"; left_out "$mirror has no $2 for $3"; }
}
