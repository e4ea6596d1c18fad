using System.Globalization;

namespace IommuKit.Cli.Output;

/// <summary>Numbers in tables and sentences.</summary>
internal static class Numbers
{
    /// <summary>A count with its thousands apart.</summary>
    public static string Count(long count) => count.ToString("#,0", CultureInfo.InvariantCulture);

    /// <summary>A count of something: "1 map", "2 maps".</summary>
    public static string Count(long count, string thing) => $"{Count(count)} {thing}{(count == 1 ? string.Empty : "s")}";

    /// <summary>How many times one duration is the other; empty if the other is none.</summary>
    public static string Times(double longer, double shorter) =>
        shorter == 0 ? string.Empty : string.Create(CultureInfo.InvariantCulture, $"{longer / shorter:0.0}×");
}
