using IommuKit.Lab.Machines;
using IommuKit.Specs.Smmu2;

namespace IommuKit.Lab.Iommus.Smmu2;

/// <summary>An SMMU that says what it is, and nothing else: every sync is done.</summary>
internal sealed class SilentSmmu2(Smmu2Unit unit) : SilentRegisters
{
    public override uint Read32(uint offset) => offset switch
    {
        Smmu2Global.Idr0 => unit.Idr0,
        Smmu2Global.Idr1 => unit.Idr1,
        Smmu2Global.Idr2 => unit.Idr2,
        Smmu2Global.Idr7 => unit.Idr7,
        _ => 0,
    };
}
