using System.Collections;

namespace IommuKit.Domains;

/// <summary>
/// Gives out PASIDs, the lowest that is free. PASID 0, which stands for what devices send without one, is never given out. Use one for all devices
/// that share a PASID's meaning, such as one for each process.
/// </summary>
/// <remarks>Thread-safe.</remarks>
public sealed class PasidAllocator
{
    private readonly Lock _lock = new();
    private readonly BitArray _used;

    // No lower one is free.
    private int _lowest = 1;

    /// <summary>Makes one with all PASIDs free.</summary>
    /// <param name="pasids">How many there are, with number 0: what every device has at the least (<see cref="IommuDevice.Pasids"/>).</param>
    /// <exception cref="ArgumentOutOfRangeException">There are none, or more than 2^20.</exception>
    public PasidAllocator(int pasids)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(pasids, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(pasids, 1 << 20);
        _used = new BitArray(pasids) { [0] = true };
    }

    /// <summary>Takes a PASID.</summary>
    /// <exception cref="IommuException">None is free (ENOSPC).</exception>
    public int Take()
    {
        lock (_lock)
        {
            while (_lowest < _used.Length && _used[_lowest])
            {
                _lowest++;
            }

            if (_lowest == _used.Length)
            {
                throw new IommuException(IommuError.ENOSPC, $"All {_used.Length} PASIDs are in use.");
            }

            _used[_lowest] = true;
            return _lowest++;
        }
    }

    /// <summary>Gives one back. No device may be in a domain with it.</summary>
    /// <exception cref="ArgumentException">It was not given out.</exception>
    public void Release(int pasid)
    {
        lock (_lock)
        {
            if (pasid < 1 || pasid >= _used.Length || !_used[pasid])
            {
                throw new ArgumentException($"PASID {pasid} was not given out.", nameof(pasid));
            }

            _used[pasid] = false;
            _lowest = Math.Min(_lowest, pasid);
        }
    }
}
