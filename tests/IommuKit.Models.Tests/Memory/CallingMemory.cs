using IommuKit.Models.Memory;
using IommuKit.Specs.Memory;

namespace IommuKit.Models.Tests.Memory;

/// <summary>An emulator's memory that does something once, when it has read what an IOMMU asked for and not yet given it.</summary>
internal sealed class CallingMemory(IMemoryAccessor memory) : IMemoryAccessor
{
    private Action? _action;
    private ulong _address;

    public CallbackMemory View => new(this);

    /// <summary>Does something at the next read of an address.</summary>
    public void AtRead(ulong address, Action action) => (_address, _action) = (address, action);

    public bool WasCalled => _action is null;

    public bool TryRead(ulong physicalAddress, Span<byte> destination)
    {
        bool isRead = memory.TryRead(physicalAddress, destination);
        if (_action is { } action && _address - physicalAddress < (ulong)destination.Length)
        {
            _action = null;
            action();
        }

        return isRead;
    }

    public bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> source) => memory.TryWrite(physicalAddress, source);

    public bool TryCompareExchange(ulong physicalAddress, ulong expected, ulong value, out ulong seen) =>
        memory.TryCompareExchange(physicalAddress, expected, value, out seen);
}
