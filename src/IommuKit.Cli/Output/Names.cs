using System.Text.Json;

namespace IommuKit.Cli.Output;

/// <summary>Names of values as users write and read them.</summary>
internal static class Names
{
    /// <summary>The name of an enum value, in lower case.</summary>
    public static string Of<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.KebabCaseLower.ConvertName(value.ToString());
}
