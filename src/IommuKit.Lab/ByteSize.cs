using System.Globalization;
using IommuKit.Traces;

namespace IommuKit.Lab;

/// <summary>Sizes as people write them: 4096, 128K, 1.5M, 1GiB, 0x1000.</summary>
public static class ByteSize
{
    private const string Units = "KMGT";

    // What is left of 64 bits beside the largest unit has no more digits.
    private const int MaxFractionDigits = 18;

    /// <summary>Reads a size.</summary>
    /// <param name="text">
    /// A number, decimal (1.5M is allowed, as it is a number of bytes) or hexadecimal, and perhaps K, M, G or T
    /// (powers of 1024), with or without iB or B.
    /// </param>
    /// <exception cref="InputException">It is not a size from 1 to 2^64 - 1.</exception>
    public static ulong Parse(string text)
    {
        var digits = text.AsSpan().Trim();
        int shift = 0;
        bool isHex = digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        if (isHex)
        {
            digits = digits[2..];
        }
        else
        {
            foreach (string suffix in (ReadOnlySpan<string>)["iB", "B"])
            {
                if (digits.EndsWith(suffix, StringComparison.OrdinalIgnoreCase))
                {
                    digits = digits[..^suffix.Length];
                    break;
                }
            }

            int unit = digits.IsEmpty ? -1 : Units.IndexOf(char.ToUpperInvariant(digits[^1]), StringComparison.Ordinal);
            if (unit >= 0)
            {
                digits = digits[..^1].TrimEnd();
                shift = 10 * (unit + 1);
            }
        }

        if (digits.StartsWith("-", StringComparison.Ordinal))
        {
            throw new InputException($"size \"{text}\" is negative");
        }

        int point = isHex ? -1 : digits.IndexOf('.');
        var fraction = point < 0 ? [] : digits[(point + 1)..];
        digits = point < 0 ? digits : digits[..point];
        bool isNumber = !digits.IsEmpty && (point < 0 || !fraction.IsEmpty) && !fraction.ContainsAnyExceptInRange('0', '9');
        foreach (char digit in digits)
        {
            isNumber &= isHex ? char.IsAsciiHexDigit(digit) : char.IsAsciiDigit(digit);
        }

        if (!isNumber)
        {
            throw new InputException($"size \"{text}\" is not a number with an optional K, M, G or T");
        }

        var style = isHex ? NumberStyles.AllowHexSpecifier : NumberStyles.None;
        if (!ulong.TryParse(digits, style, CultureInfo.InvariantCulture, out ulong number) || number > ulong.MaxValue >> shift)
        {
            throw new InputException($"size \"{text}\" does not fit into 64 bits");
        }

        ulong rest = FractionOf(text, fraction.TrimEnd('0'), shift);
        number = number << shift | rest;
        return number != 0 ? number : throw new InputException($"size \"{text}\" is 0");
    }

    /// <summary>The bytes that digits behind the point stand for.</summary>
    private static ulong FractionOf(string text, ReadOnlySpan<char> digits, int shift)
    {
        if (digits.IsEmpty)
        {
            return 0;
        }

        if (digits.Length <= MaxFractionDigits)
        {
            var numerator = UInt128.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture) << shift;
            var denominator = UInt128.Parse("1" + new string('0', digits.Length), NumberStyles.None, CultureInfo.InvariantCulture);
            if (numerator % denominator == 0)
            {
                return (ulong)(numerator / denominator);
            }
        }

        throw new InputException($"size \"{text}\" is not a whole number of bytes");
    }

    /// <summary>Writes a size with the largest unit of which it is a whole number, or one and a half and so on.</summary>
    public static string Format(ulong bytes)
    {
        for (int unit = Units.Length; unit > 0; unit--)
        {
            // One decimal is exact for halves only.
            int shift = 10 * unit;
            ulong halves = bytes >> (shift - 1);
            if (halves > 1 && (bytes & ((1ul << (shift - 1)) - 1)) == 0)
            {
                return string.Create(CultureInfo.InvariantCulture, $"{halves >> 1}{((halves & 1) == 0 ? string.Empty : ".5")}{Units[unit - 1]}");
            }
        }

        return string.Create(CultureInfo.InvariantCulture, $"{bytes}");
    }

    /// <summary>Writes the page sizes of a bitmap, with spaces between: bit n means 2^n bytes.</summary>
    public static string FormatAll(ulong pageSizes) => string.Join(
        ' ', Enumerable.Range(0, 64).Where(bit => (pageSizes >> bit & 1) != 0).Select(bit => Format(1ul << bit)));
}
