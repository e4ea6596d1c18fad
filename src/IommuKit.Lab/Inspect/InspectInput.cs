using System.Buffers.Binary;
using IommuKit.Lab.Conform;
using IommuKit.Specs.Memory;

namespace IommuKit.Lab.Inspect;

/// <summary>Registers and memory of a machine at one moment.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Registers">Registers, in an order in which they can be written: of several values the last one is the state.</param>
/// <param name="Memory">Memory.</param>
internal sealed record InspectInput(string Name, IReadOnlyList<BootRegister> Registers, IMemoryAccessor Memory)
{
    /// <summary>The file or folder that they are from; null if they are from none.</summary>
    public string? Origin { get; init; }

    /// <summary>The value of a register; null if it is not there.</summary>
    public ulong? Find(uint offset) => Registers.LastOrDefault(register => register.Offset == offset)?.Value;

    /// <summary>The value of a register; 0 if it is not there.</summary>
    public ulong ValueOf(uint offset) => Find(offset) ?? 0;

    /// <summary>The value of a register of 64 bits, which may be there as two halves; what is not there is 0.</summary>
    public ulong ValueOf64(uint offset) => Registers.LastOrDefault(register => register.Offset == offset) switch
    {
        null => 0,
        { Size: sizeof(ulong), Value: var value } => value,
        { Value: var low } => (uint)low | (ValueOf(offset + sizeof(uint)) << 32),
    };

    /// <summary>Reads a word of memory.</summary>
    /// <returns>Null if nothing is known of that memory.</returns>
    public ulong? Read(ulong address)
    {
        Span<byte> word = stackalloc byte[sizeof(ulong)];
        return Memory.TryRead(address, word) ? BinaryPrimitives.ReadUInt64LittleEndian(word) : null;
    }
}
