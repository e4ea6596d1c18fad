using System.Globalization;
using IommuKit.Specs.PageTables;
using IommuKit.Traces;

namespace IommuKit.Lab.Dump;

/// <summary>A range to map.</summary>
/// <param name="Text">As the user wrote it.</param>
/// <param name="Iova">First IOVA.</param>
/// <param name="PhysicalAddress">What it is mapped to.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Protection">What devices may do.</param>
internal sealed record DumpMap(string Text, ulong Iova, ulong PhysicalAddress, ulong Size, Protection Protection)
{
    private const string Letters = "rwcnmp";

    /// <summary>Reads IOVA:PA:SIZE[:PROTECTION]: two hexadecimal numbers, a size, and letters of rwcnmp (rw if there are none).</summary>
    /// <exception cref="InputException">It is something else.</exception>
    public static DumpMap Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] parts = text.Split(':');
        if (parts.Length is not (3 or 4))
        {
            throw new InputException($"\"{text}\" is not IOVA:PA:SIZE or IOVA:PA:SIZE:PROTECTION");
        }

        return new DumpMap(
            text,
            Address(text, parts[0]),
            Address(text, parts[1]),
            ByteSize.Parse(parts[2]),
            parts.Length == 4 ? ProtectionIn(text, parts[3]) : Protection.Read | Protection.Write);
    }

    /// <summary>The letters of a protection, in capitals; - if there are none.</summary>
    public static string Describe(Protection protection)
    {
        string letters = string.Concat(Letters.Where((_, bit) => ((int)protection >> bit & 1) != 0)).ToUpperInvariant();
        return letters.Length == 0 ? "-" : letters;
    }

    /// <summary>Reads a hexadecimal address, with or without 0x.</summary>
    /// <exception cref="InputException">It is something else.</exception>
    public static ulong ParseAddress(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Address(text, text);
    }

    private static ulong Address(string text, string part)
    {
        string digits = part.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? part[2..] : part;
        return ulong.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong number)
            ? number
            : throw new InputException($"\"{part}\"{(part == text ? string.Empty : $" in \"{text}\"")} is not a hexadecimal number of at most 64 bits");
    }

    private static Protection ProtectionIn(string text, string part)
    {
        var protection = Protection.None;
        foreach (char letter in part)
        {
            int bit = Letters.IndexOf(char.ToLowerInvariant(letter), StringComparison.Ordinal);
            protection |= bit >= 0
                ? (Protection)(1 << bit)
                : throw new InputException(
                    $"\"{letter}\" in \"{text}\" is no protection; choose from r(ead), w(rite), c(ache), n(o execute), m(mio), p(rivileged)");
        }

        return protection;
    }
}
