using System.Globalization;
using System.Numerics;
using IommuKit.PageTables;

namespace IommuKit.Checker.Scenarios;

/// <summary>One operation of a scenario.</summary>
/// <param name="Kind">What is done.</param>
/// <param name="Domain">To which domain.</param>
/// <param name="Iova">First IOVA.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Buffer">Which of a few physical buffers is mapped: 0 to <see cref="Buffers"/> - 1.</param>
public readonly record struct CheckOperation(CheckOperationKind Kind, int Domain, ulong Iova = 0, ulong Size = 0, int Buffer = 0)
{
    /// <summary>How many buffers each domain has.</summary>
    public const int Buffers = 4;

    private const ulong FirstBuffer = 0x1000_0000;
    private const int BufferLog2 = 25;

    // Of an IOVA so many bits tell pages of one buffer apart, and the highest bit: in the upper half of all IOVAs and in the lower.
    private const int PlaceLog2 = 24;

    // All that a table translates is so large at most, where buffers have the sizes above; where it is more, so are they.
    private const int TableSpanLog2 = 22;

    // More than any table translates.
    private const ulong MaxSize = 1ul << 40;

    /// <summary>What the first IOVA of a map is mapped to. Every page of every buffer of every domain has an address of its own.</summary>
    /// <param name="tableSpan">Bytes of IOVA that a table of pages translates.</param>
    public ulong PhysicalAddress(ulong tableSpan)
    {
        int place = PlaceLog2 + Scale(tableSpan);
        ulong buffer = (ulong)((Domain * Buffers) + Buffer) << (BufferLog2 + Scale(tableSpan));
        return (FirstBuffer << Scale(tableSpan)) + buffer + (Iova >> 63 << place) + (Iova & ((1ul << place) - 1));
    }

    /// <summary>The last IOVA of its range, which is cut off where numbers end.</summary>
    public ulong LastIova => Iova + Math.Min(Size - 1, ulong.MaxValue - Iova);

    /// <summary>Whether an IOVA lies in its range, which is not empty.</summary>
    public bool Covers(ulong iova) => iova >= Iova && iova <= LastIova;

    /// <summary>Whether an address is in one of the buffers.</summary>
    public static bool IsBuffer(ulong physicalAddress, ulong tableSpan) =>
        physicalAddress - (FirstBuffer << Scale(tableSpan)) < (2ul * Buffers) << (BufferLog2 + Scale(tableSpan));

    /// <summary>
    /// What a map maps: one range, or for a scatter list two, the halves of that range the other way round.
    /// </summary>
    /// <param name="pageBytes">Bytes in a page.</param>
    /// <param name="tableSpan">Bytes of IOVA that a table of pages translates.</param>
    public IEnumerable<(ulong Iova, PhysicalRange Range)> Pieces(ulong pageBytes, ulong tableSpan)
    {
        ulong half = Kind == CheckOperationKind.Scatter ? Size / pageBytes / 2 * pageBytes : 0;
        yield return (Iova, new PhysicalRange(PhysicalAddress(tableSpan) + half, Size - half));
        if (half != 0)
        {
            yield return (Iova + (Size - half), new PhysicalRange(PhysicalAddress(tableSpan), half));
        }
    }

    private static int Scale(ulong tableSpan) => Math.Max(0, BitOperations.Log2(tableSpan) - TableSpanLog2);

    /// <summary>Reads what <see cref="ToString"/> writes.</summary>
    public static bool TryParse(string text, out CheckOperation operation)
    {
        ArgumentNullException.ThrowIfNull(text);
        operation = default;
        string[] parts = text.Split(':');
        if (parts.Length < 2
            || !Enum.TryParse(parts[0], ignoreCase: true, out CheckOperationKind kind)
            || !Enum.IsDefined(kind)
            || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int domain)
            || domain > 1)
        {
            return false;
        }

        int fields = kind switch
        {
            CheckOperationKind.Map or CheckOperationKind.Scatter => 4,
            CheckOperationKind.Unmap => 3,
            CheckOperationKind.Flush when parts.Length == 3 => 3,
            _ => 2,
        };
        if (parts.Length != fields)
        {
            return false;
        }

        operation = new CheckOperation(kind, domain);
        if (fields == 2)
        {
            return true;
        }

        string[] range = parts[2].Split('+');
        int buffer = 0;
        if (range.Length != 2
            || !ulong.TryParse(range[0], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong iova)
            || !ulong.TryParse(range[1], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong size)
            || size == 0
            || size > MaxSize
            || (fields == 4 && (!int.TryParse(parts[3], NumberStyles.None, CultureInfo.InvariantCulture, out buffer) || buffer >= Buffers)))
        {
            return false;
        }

        operation = operation with { Iova = iova, Size = size, Buffer = buffer };
        return true;
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        string name = Kind.ToString().ToLowerInvariant();
        return Kind switch
        {
            CheckOperationKind.Map or CheckOperationKind.Scatter =>
                string.Create(CultureInfo.InvariantCulture, $"{name}:{Domain}:{Iova:x}+{Size:x}:{Buffer}"),
            CheckOperationKind.Unmap => string.Create(CultureInfo.InvariantCulture, $"{name}:{Domain}:{Iova:x}+{Size:x}"),
            CheckOperationKind.Flush when Size != 0 => string.Create(CultureInfo.InvariantCulture, $"{name}:{Domain}:{Iova:x}+{Size:x}"),
            _ => string.Create(CultureInfo.InvariantCulture, $"{name}:{Domain}"),
        };
    }
}
