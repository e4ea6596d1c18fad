using System.Buffers.Binary;

namespace IommuKit.Traces.Dat;

/// <summary>Reads numbers in the byte order of a trace.dat.</summary>
/// <param name="IsBig">Whether the most significant byte comes first.</param>
internal readonly record struct DatNumbers(bool IsBig)
{
    public ushort U16(ReadOnlySpan<byte> bytes) =>
        IsBig ? BinaryPrimitives.ReadUInt16BigEndian(bytes) : BinaryPrimitives.ReadUInt16LittleEndian(bytes);

    public uint U32(ReadOnlySpan<byte> bytes) =>
        IsBig ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : BinaryPrimitives.ReadUInt32LittleEndian(bytes);

    public ulong U64(ReadOnlySpan<byte> bytes) =>
        IsBig ? BinaryPrimitives.ReadUInt64BigEndian(bytes) : BinaryPrimitives.ReadUInt64LittleEndian(bytes);

    /// <summary>A number as wide as the bytes given: 1, 2, 4 or 8.</summary>
    public ulong Unsigned(ReadOnlySpan<byte> bytes) => bytes.Length switch
    {
        1 => bytes[0],
        2 => U16(bytes),
        4 => U32(bytes),
        _ => U64(bytes),
    };
}
