using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace IommuKit.Models.Vtd;

/// <summary>A state on its way: the same calls write it and read it.</summary>
internal readonly struct VtdState
{
    private readonly BinaryWriter? _writer;
    private readonly BinaryReader? _reader;

    public VtdState(BinaryWriter writer) => _writer = writer;

    public VtdState(BinaryReader reader) => _reader = reader;

    /// <summary>A word.</summary>
    public void Word<T>(ref T value)
        where T : unmanaged
    {
        if (_writer is not null)
        {
            _writer.Write(Pack(value));
        }
        else
        {
            value = Unpack<T>(_reader!.ReadUInt64());
        }
    }

    /// <summary>A word that says whose state it is: another is the end.</summary>
    /// <exception cref="EndOfStreamException">It is another.</exception>
    public void Expect(ulong value)
    {
        ulong found = value;
        Word(ref found);
        if (found != value)
        {
            throw new EndOfStreamException();
        }
    }

    /// <summary>Bytes, whose number must be the same.</summary>
    /// <exception cref="EndOfStreamException">It is another.</exception>
    public void Block(Span<byte> bytes)
    {
        Expect((ulong)bytes.Length);
        if (_writer is not null)
        {
            _writer.Write(bytes);
        }
        else if (_reader!.Read(bytes) != bytes.Length)
        {
            throw new EndOfStreamException();
        }
    }

    private static ulong Pack<T>(T value)
        where T : unmanaged => value switch
        {
            bool flag => flag ? 1ul : 0,
            int number => (uint)number,
            uint number => number,
            _ => Unsafe.As<T, ulong>(ref value),
        };

    private static T Unpack<T>(ulong word)
        where T : unmanaged
    {
        if (typeof(T) == typeof(bool))
        {
            word = word == 0 ? 0ul : 1;
        }

        return MemoryMarshal.Read<T>(MemoryMarshal.AsBytes(new ReadOnlySpan<ulong>(in word)));
    }
}
