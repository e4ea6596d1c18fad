using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using IommuKit.Cli.Commands;
using IommuKit.Cli.Extensions;

namespace IommuKit.Cli.Invocation;

/// <summary>
/// The same command for a runtime, which lies beside the one that was compiled to a program in the package of the tool (<c>scripts/pack-tool</c>): for
/// what that one cannot do, or would not do as the programs of users do.
/// </summary>
internal static class RuntimeTwin
{
    /// <summary>Assemblies are loaded by a runtime only, and host time is that of code as a runtime compiles it for the processor at hand.</summary>
    private static readonly string[] Options = [ExtensionLoader.Option, BenchCommand.HostTimeOption];

    /// <summary>Whether a command line asks for what a runtime has to do.</summary>
    public static bool IsNeeded(IEnumerable<string> args) =>
        args.Any(arg => Array.Exists(Options, option => arg == option || arg.StartsWith(option + "=", StringComparison.Ordinal)
            || arg.StartsWith(option + ":", StringComparison.Ordinal)));

    /// <summary>
    /// Becomes the twin where it is needed and there: the process, its descriptors and the signals that reach it stay the same. Returns where it is not.
    /// </summary>
    public static void TakeOver(string[] args)
    {
        if (RuntimeFeature.IsDynamicCodeSupported || OperatingSystem.IsWindows() || !IsNeeded(args))
        {
            return;
        }

        string twin = Path.Combine(AppContext.BaseDirectory, "runtime", "IommuKit.Cli");
        if (File.Exists(twin))
        {
            // Comes back only where the file cannot be run. What was asked for is then refused with a reason, or done by this program.
            _ = Execute(twin, [twin, .. args, null]);
        }
    }

    [DllImport("libc", EntryPoint = "execv", SetLastError = true, CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Execute(string path, string?[] arguments);
}
