using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Vtd;

/// <content>
/// Protected memory: what DMA that is not translated may not reach (VT-d specification, section 11.4.8). Accesses that are translated may.
/// </content>
public sealed partial class VtdModel<TMemory>
{
    // Base and limit have this granularity: the bits below read as 0 and count as 0 in the base, as 1 in the limit.
    private const uint ProtectedUnit = 1u << 20;

    private bool _isProtecting;

    // PRS shows the change when everybody knows of it who has to.
    private bool _isProtectionChanging;

    private Effects WriteProtection(uint value)
    {
        if (!_cap.HasProtectedLowMemory && !_cap.HasProtectedHighMemory)
        {
            return Effects.None;
        }

        bool isEnabled = (value & VtdRegister.ProtectedMemoryBits.Enable) != 0;
        _protection = isEnabled ? VtdRegister.ProtectedMemoryBits.Enable | VtdRegister.ProtectedMemoryBits.Status : 0;
        Volatile.Write(ref _isProtecting, isEnabled);
        _isProtectionChanging = true;
        return Effects.Drain | Effects.ChangeMode;
    }

    private bool IsProtected(ulong address) =>
        IsIn(address, _protectedLowBase, _protectedLowLimit, _cap.HasProtectedLowMemory)
        || IsIn(address, _protectedHighBase, _protectedHighLimit, _cap.HasProtectedHighMemory);

    private static bool IsIn(ulong address, ulong first, ulong limit, bool exists) =>
        exists && address >= first && address <= (limit | (ProtectedUnit - 1));
}
