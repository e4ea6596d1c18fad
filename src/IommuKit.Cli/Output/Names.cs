using System.Text.Json;

namespace IommuKit.Cli.Output;

/// <summary>Names of values as users write and read them.</summary>
internal static class Names
{
    /// <summary>The name of an enum value, in lower case.</summary>
    public static string Of<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.KebabCaseLower.ConvertName(value.ToString());

    /// <summary>The name of a file with its folder's, as captures are often called the same in folders of different names.</summary>
    public static string OfFile(string path) =>
        string.Join('/', path.Split('/', '\\').Where(part => part is not ("" or "." or "..")).TakeLast(2)) is { Length: > 0 } name ? name : path;

    /// <summary>More names than these are counted in a heading.</summary>
    public const int MostInHeading = 4;

    /// <summary>IOMMUs in a heading: a few by name, and many as a number.</summary>
    public static string Few(IReadOnlyCollection<string> iommus) =>
        iommus.Count > MostInHeading ? Numbers.Count(iommus.Count, "IOMMU") : string.Join(", ", iommus);

    /// <summary>A name of JSON as words: "tables_in_use" is "tables in use".</summary>
    public static string InWords(string name) => name.Replace('_', ' ');

    /// <summary>An address or an entry. It is text because JSON's numbers have only 53 bits for sure.</summary>
    public static string Hex(ulong value) => $"0x{value:x}";
}
