using System.Globalization;

namespace IommuKit.Traces.Dat;

/// <summary>Where in an event a field is.</summary>
/// <param name="Offset">Its first byte.</param>
/// <param name="Size">Its bytes.</param>
internal readonly record struct FieldPlace(int Offset, int Size)
{
    /// <summary>The most that an event of the kernel's ring buffer can hold: a sub-buffer, of at most 64 pages of 64 KiB.</summary>
    public const int MaxEnd = 4 << 20;

    /// <summary>The byte after it.</summary>
    public int End => Offset + Size;

    /// <summary>Reads what a format file says.</summary>
    public static bool TryParse(string offset, string size, out FieldPlace place)
    {
        bool isRead = int.TryParse(offset, NumberStyles.None, CultureInfo.InvariantCulture, out int first)
            & int.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture, out int bytes);
        place = new FieldPlace(first, bytes);
        return isRead && first <= MaxEnd && bytes <= MaxEnd;
    }
}
