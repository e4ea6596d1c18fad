using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace IommuKit.Models.State;

/// <summary>
/// Carries a model's state out of it or into it. A model names each of its fields once, in one method for both directions, so that they cannot disagree.
/// Values are little-endian.
/// </summary>
internal ref struct StateTransfer
{
    private static readonly uint Magic = BinaryPrimitives.ReadUInt32LittleEndian("IKST"u8);

    private readonly ArrayBufferWriter<byte>? _saved;
    private ReadOnlySpan<byte> _rest;

    private StateTransfer(ArrayBufferWriter<byte>? saved, ReadOnlySpan<byte> rest)
    {
        _saved = saved;
        _rest = rest;
    }

    /// <summary>Names everything that is the state of a model, for both directions.</summary>
    public delegate void Body(ref StateTransfer transfer);

    /// <summary>Whether values go into the model.</summary>
    public readonly bool IsRestoring => _saved is null;

    /// <summary>Begins to save.</summary>
    public static StateTransfer Save() => new(new ArrayBufferWriter<byte>(), default);

    /// <summary>
    /// Restores a whole state. What is wrong with it shows when some of it is in the model already; then the model is reset, before anybody else sees
    /// it: for a caller that holds the model's lock.
    /// </summary>
    /// <param name="state">The state.</param>
    /// <param name="transfer">Names everything that is the state, and keeps to what hardware can be.</param>
    /// <param name="reset">Brings the model into its state after power-on.</param>
    /// <exception cref="InvalidDataException">It is no state of this model.</exception>
    public static void Restore(ReadOnlySpan<byte> state, Body transfer, Action reset)
    {
        var source = new StateTransfer(null, state);
        bool isWhole = false;
        try
        {
            transfer(ref source);
            source.End();
            isWhole = true;
        }
        finally
        {
            if (!isWhole)
            {
                reset();
            }
        }
    }

    /// <summary>What was saved.</summary>
    public readonly byte[] ToArray() => _saved!.WrittenSpan.ToArray();

    /// <summary>
    /// The first thing in a state: which kind of model it is of, and everything that the sizes of its arrays follow from.
    /// </summary>
    /// <exception cref="InvalidDataException">What is restored is of another model.</exception>
    public void Header(string kind, params ReadOnlySpan<long> arguments)
    {
        Expect(Magic, "it is not the state of a model");
        Expect((uint)kind.Length, "it is the state of another kind of model");
        foreach (char letter in kind)
        {
            Expect(letter, "it is the state of another kind of model");
        }

        foreach (long argument in arguments)
        {
            Expect(unchecked((uint)argument), "it is the state of a model that was made with other arguments");
            Expect((uint)(argument >> 32), "it is the state of a model that was made with other arguments");
        }
    }

    /// <summary>A value.</summary>
    public void Value(ref uint value)
    {
        if (_saved is null)
        {
            value = BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint)));
        }
        else
        {
            BinaryPrimitives.WriteUInt32LittleEndian(_saved.GetSpan(sizeof(uint)), value);
            _saved.Advance(sizeof(uint));
        }
    }

    /// <inheritdoc cref="Value(ref uint)"/>
    public void Value(ref ulong value)
    {
        if (_saved is null)
        {
            value = BinaryPrimitives.ReadUInt64LittleEndian(Take(sizeof(ulong)));
        }
        else
        {
            BinaryPrimitives.WriteUInt64LittleEndian(_saved.GetSpan(sizeof(ulong)), value);
            _saved.Advance(sizeof(ulong));
        }
    }

    /// <inheritdoc cref="Value(ref uint)"/>
    public void Value(ref int value) => Value(ref Unsafe.As<int, uint>(ref value));

    /// <inheritdoc cref="Value(ref uint)"/>
    public void Value(ref long value) => Value(ref Unsafe.As<long, ulong>(ref value));

    /// <inheritdoc cref="Value(ref uint)"/>
    public void Value(ref bool value)
    {
        uint number = value ? 1u : 0;
        Value(ref number);
        value = number != 0;
    }

    /// <summary>Bytes.</summary>
    public void Values(Span<byte> values)
    {
        if (_saved is null)
        {
            Take(values.Length).CopyTo(values);
        }
        else
        {
            _saved.Write(values);
        }
    }

    /// <summary>Values of a kind that is the same on every host but for the order of its bytes.</summary>
    public void Values(Span<uint> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            Value(ref values[i]);
        }
    }

    /// <inheritdoc cref="Values(Span{uint})"/>
    public void Values(Span<ulong> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            Value(ref values[i]);
        }
    }

    /// <inheritdoc cref="Values(Span{uint})"/>
    public void Values(Span<int> values) => Values(MemoryMarshal.Cast<int, uint>(values));

    /// <inheritdoc cref="Values(Span{uint})"/>
    public void Values(Span<long> values) => Values(MemoryMarshal.Cast<long, ulong>(values));

    /// <summary>The end of the state.</summary>
    /// <exception cref="InvalidDataException">More follows.</exception>
    private readonly void End() => Check(_rest.IsEmpty, "it is longer than the state of this model");

    /// <summary>Refuses a value that the model cannot have. Only what is restored can be wrong.</summary>
    /// <exception cref="InvalidDataException">It is wrong.</exception>
    public static void Check(bool isRight, string what)
    {
        if (!isRight)
        {
            throw new InvalidDataException($"The state cannot be restored: {what}.");
        }
    }

    private void Expect(uint value, string otherwise)
    {
        uint found = value;
        Value(ref found);
        Check(found == value, otherwise);
    }

    private ReadOnlySpan<byte> Take(int bytes)
    {
        Check(_rest.Length >= bytes, "it ends too soon");
        var taken = _rest[..bytes];
        _rest = _rest[bytes..];
        return taken;
    }
}
