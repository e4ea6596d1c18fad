using System.ComponentModel;
using System.Diagnostics;

namespace IommuKit.Mutate;

/// <summary>Runs other programs.</summary>
internal static class Command
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(200);

    /// <summary>Runs one that must succeed, and returns what it printed.</summary>
    public static string Run(string folder, string program, IReadOnlyList<string> arguments)
    {
        var (code, output, _) = Run(folder, program, arguments, Limit.OfTools);
        return code == 0 ? output : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} failed:\n{output}");
    }

    /// <summary>Runs one for so long at most.</summary>
    /// <returns>Its exit code, or null if it was ended; what it printed; and the processor time that it took, as far as it was seen.</returns>
    public static (int? Code, string Output, TimeSpan Processor) Run(
        string folder, string program, IReadOnlyList<string> arguments, Limit limit, IReadOnlyDictionary<string, string>? variables = null)
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
        long begun = Stopwatch.GetTimestamp();
        var processor = TimeSpan.Zero;
        while (!process.WaitForExit(Look))
        {
            processor = ProcessorOf(process) ?? processor;
            if (processor > limit.Processor || Stopwatch.GetElapsedTime(begun) > limit.Clock)
            {
                process.Kill(entireProcessTree: true);
                process.WaitForExit();
                return (null, string.Empty, processor);
            }
        }

        process.WaitForExit();
        return (process.ExitCode, output.Result + errors.Result, processor);
    }

    // Nobody knows any more once it has ended.
    private static TimeSpan? ProcessorOf(Process process)
    {
        try
        {
            process.Refresh();
            return process.TotalProcessorTime;
        }
        catch (Exception exception) when (exception is InvalidOperationException or Win32Exception)
        {
            return null;
        }
    }
}
