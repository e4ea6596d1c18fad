namespace IommuKit.Traces.Dat;

/// <summary>The data of a record, and its fields.</summary>
/// <param name="data">The data.</param>
/// <param name="numbers">Its byte order.</param>
internal readonly ref struct RecordData(ReadOnlySpan<byte> data, DatNumbers numbers)
{
    private readonly ReadOnlySpan<byte> _data = data;

    /// <summary>Bytes.</summary>
    public int Length => _data.Length;

    /// <summary>A number that lies within the data.</summary>
    public ulong Number(FieldPlace place) => numbers.Unsigned(_data.Slice(place.Offset, place.Size));

    /// <summary>A text, without the 0 at its end; empty if it does not lie within the data.</summary>
    public ReadOnlySpan<byte> Text(FieldPlace place)
    {
        uint where = numbers.U32(_data[place.Offset..]);
        int offset = (int)(where & 0xffff);
        int length = (int)(where >> 16);
        return offset + length <= _data.Length ? _data.Slice(offset, length).TrimEnd((byte)0) : default;
    }
}
