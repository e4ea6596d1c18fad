# What scripts/publish-aot and scripts/pack-tool share: to be sourced, with the root of the project as the current folder. Ends the script with 3 where
# there is no toolchain.

# The system that it is compiled for: this one.
own_system() {
    local rid
    case $(uname) in
        Linux) rid=$(dotnet --info | sed -nE 's/^ *RID: *//p' | head -n 1) ;;
        *) rid=osx-arm64 ;;
    esac
    case $rid in *musl*) echo "$rid" ;; *-x64) echo linux-x64 ;; linux-arm64 | *[0-9]-arm64) echo linux-arm64 ;; *) echo "$rid" ;; esac
}

need_linker() {
    command -v clang >/dev/null || command -v gcc >/dev/null || {
        echo "There is no C compiler here, which links what .NET compiles ahead of time." >&2
        exit 3
    }
}

# The sources, beside what builds leave in the folders of the projects: restoring for one system would be in the way of the next build.
copy_sources() { tar -c --exclude=bin --exclude=obj Directory.*.props global.json LICENSE README.md assets src | tar -x -C "$1"; }
