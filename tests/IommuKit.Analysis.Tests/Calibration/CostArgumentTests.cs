using IommuKit.Analysis.Calibration;
using IommuKit.Lab.Costs;

namespace IommuKit.Analysis.Tests.Calibration;

public class CostArgumentTests
{
    public static TheoryData<string, Action> Calls() => new()
    {
        { "draws", () => Interval90.Of(null!, _ => 0) },
        { "value", () => Interval90.Of([], null!) },
        { "measurements", () => CellCounter.Count(null!) },
        { "row", () => CellCounter.VectorOf(null!) },
        { "path", () => MeasurementFile.Load(null!) },
        { "cells", () => CrossValidation.Run(null!, new CostPrior(null)) },
        { "fit", () => _ = new Identifiability(null!) },
        { "cells", () => CostFit.Of(null!, new CostPrior(null)) },
        { "prior", () => CostFit.Of([], null!) },
        { "nameOrPath", () => CostFile.Find(null!) },
        { "path", () => CostFile.Load(null!) },
        { "costs", () => CostFileWriter.Write(null!) },
        { "components", () => _ = new CostComponents(null!) },
    };

    [Theory]
    [MemberData(nameof(Calls), DisableDiscoveryEnumeration = true)]
    public void Null_is_refused_by_name(string name, Action call) => Should.Throw<ArgumentNullException>(call).ParamName.ShouldBe(name);
}
