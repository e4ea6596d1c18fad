using IommuKit.Specs.Memory;
using Microsoft.Win32.SafeHandles;

namespace IommuKit.Linux;

/// <summary>
/// Addresses of this process, and a view of them. When it is closed, views throw; the addresses stay, with zeros behind them, until nothing refers to
/// them any more, so that a thread that was past its check does no harm.
/// </summary>
internal sealed unsafe class HostMapping : IDisposable
{
    private readonly void* _address;
    private readonly ulong _length;
    private readonly HostBlock _block;

    /// <summary>Takes over a mapping.</summary>
    public HostMapping(void* address, ulong length)
    {
        _address = address;
        _length = length;
        _block = new HostBlock(address, length, new Owner(address, length));
        View = new HostMemory(_block);
    }

    /// <summary>The view.</summary>
    public HostMemory View { get; }

    /// <summary>The first address.</summary>
    public ulong Address => (ulong)_address;

    public void Dispose()
    {
        lock (_block)
        {
            if (!_block.IsClosed)
            {
                _block.Close();
                HostMappings.Replace(_address, _length);
            }
        }
    }

    /// <summary>Ends the mapping when nothing refers to it any more, views neither.</summary>
    private sealed class Owner : SafeHandleZeroOrMinusOneIsInvalid
    {
        private readonly ulong _length;

        public Owner(void* address, ulong length)
            : base(ownsHandle: true)
        {
            _length = length;
            SetHandle((nint)address);
        }

        protected override bool ReleaseHandle()
        {
            HostMappings.End((void*)handle, _length);
            return true;
        }
    }
}
