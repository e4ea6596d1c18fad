using System.Globalization;
using IommuKit.Lab.Machines;

namespace IommuKit.Cli.Output;

/// <summary>Names the tuning that is in force, in the words of the command line.</summary>
internal static class Tuning
{
    /// <summary>The options that differ from what the driver does by itself; empty if there are none.</summary>
    public static string Describe(MachineSettings settings, int flushAllPages)
    {
        var options = new List<string>();
        Add("--flush-all", flushAllPages, flushAllPages.ToString(CultureInfo.InvariantCulture));
        foreach (var (option, value) in settings.Tuning.All)
        {
            Add($"--{option.Name}", value, option.Text(value));
        }

        if (settings.UsesSuperpages)
        {
            options.Add("--sections");
        }

        return string.Join(' ', options);

        void Add(string option, int value, string text)
        {
            if (value != 0)
            {
                options.Add($"{option} {text}");
            }
        }
    }

    /// <summary>The same as the end of a title.</summary>
    public static string InTitle(MachineSettings settings, int flushAllPages) =>
        Describe(settings, flushAllPages) is { Length: > 0 } tuning ? $"; tuned with {tuning}" : string.Empty;
}
