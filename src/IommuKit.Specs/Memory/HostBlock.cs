namespace IommuKit.Specs.Memory;

/// <summary>
/// A block of host memory that views look into, and whether they still may. Its owner closes it when the memory goes; from then on every access
/// through a view of it ends in <see cref="ObjectDisposedException"/>.
/// </summary>
/// <remarks>
/// A thread that passed its check just before the block was closed may still be about to touch it. So the owner must leave the addresses readable and
/// writable as long as anything refers to it; the block and every view of it do.
/// </remarks>
public sealed unsafe class HostBlock
{
    private readonly byte* _start;

    // 0 once the block is closed, so that the check of bounds is the check for that too.
    private ulong _openLength;

    /// <summary>Describes a block.</summary>
    /// <param name="address">Host address of its first byte.</param>
    /// <param name="length">Its bytes, at least 1.</param>
    /// <param name="owner">The object that keeps the addresses mapped until it is collected; null if they are mapped for ever.</param>
    /// <exception cref="ArgumentNullException">The address is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The length is 0, or the block wraps around the end of the host's addresses.</exception>
    public HostBlock(void* address, ulong length, object? owner)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (length == 0 || length - 1 > nuint.MaxValue - (nuint)address)
        {
            throw new ArgumentOutOfRangeException(
                nameof(length), $"There are no 0x{length:x} bytes of host memory at 0x{(nuint)address:x}: none, or past the last address.");
        }

        _start = (byte*)address;
        _openLength = length;
        Length = length;
        Owner = owner;
    }

    /// <summary>Bytes in the block, whether it is open or closed.</summary>
    public ulong Length { get; }

    /// <summary>The object that keeps the addresses mapped.</summary>
    public object? Owner { get; }

    /// <summary>Whether <see cref="Close"/> was called.</summary>
    public bool IsClosed => OpenLength == 0;

    internal byte* Start => _start;

    internal ulong OpenLength => _openLength;

    /// <summary>Ends the use of the block through all of its views.</summary>
    public void Close() => Volatile.Write(ref _openLength, 0);

    /// <summary>Why an access cannot be.</summary>
    internal static Exception Refusal(HostBlock? block, ulong physicalAddress, ulong length) => block is { IsClosed: true }
        ? new ObjectDisposedException(nameof(HostMemory), "The memory behind this view was disposed of.")
        : new ArgumentOutOfRangeException(
            nameof(physicalAddress),
            $"0x{length:x} bytes at physical address 0x{physicalAddress:x} are outside memory of 0x{block?.Length ?? 0:x} bytes.");
}
