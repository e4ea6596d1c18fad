using System.Diagnostics;

namespace IommuKit.Mutate;

/// <summary>Runs other programs.</summary>
internal static class Command
{
    /// <summary>Runs one that must succeed, and returns what it printed.</summary>
    public static string Run(string folder, string program, IReadOnlyList<string> arguments)
    {
        var (code, output) = Run(folder, program, arguments, TimeSpan.FromMinutes(20));
        return code == 0 ? output : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} failed:\n{output}");
    }

    /// <summary>Runs one for so long at most.</summary>
    /// <returns>Its exit code, or null if it was ended; and what it printed.</returns>
    public static (int? Code, string Output) Run(
        string folder, string program, IReadOnlyList<string> arguments, TimeSpan limit, IReadOnlyDictionary<string, string>? variables = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

        // A mutant is loaded once; it does not pay to make all its code final.
        start.Environment["DOTNET_TieredCompilation"] = "1";
        start.Environment["DOTNET_TieredPGO"] = "0";
        start.Environment["DOTNET_NOLOGO"] = "1";
        start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";
        foreach (var (name, value) in variables ?? new Dictionary<string, string>(StringComparer.Ordinal))
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(limit))
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
            return (null, string.Empty);
        }

        return (process.ExitCode, output.Result + errors.Result);
    }
}
